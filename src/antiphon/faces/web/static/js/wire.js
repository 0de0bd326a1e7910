/** The wire: the WebSocket to the jam, which comes back by itself. */

const SOONEST = 250;
const LATEST = 4000;
/** Milliseconds after which a connection that says nothing is given up: it is pinged every two seconds. */
const SILENT = 9000;

export class Wire {
  #socket = null;
  #wait = SOONEST;
  #heard = 0;
  #timer = 0;

  /** `told` is given each message; `opened` and `closed` are called as the connection comes and goes. */
  constructor(url, { told, opened, closed }) {
    this.url = url;
    this.told = told;
    this.opened = opened;
    this.closed = closed;
    setInterval(() => this.#watch(), 1000);
    addEventListener("online", () => this.#connect());
    addEventListener("pageshow", () => this.#connect());
    this.#connect();
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Say `message`; false when nobody is there to hear it. */
  say(message) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Let go, and try again. */
  drop() {
    this.#socket?.close();
  }

  #connect() {
    if (this.#socket) return;
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    socket.onopen = () => {
      this.#wait = SOONEST;
      this.#heard = performance.now();
      this.opened();
    };
    socket.onmessage = ({ data }) => {
      this.#heard = performance.now();
      this.told(JSON.parse(data));
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.closed();
      this.#timer = setTimeout(() => this.#connect(), this.#wait);
      this.#wait = Math.min(LATEST, this.#wait * 1.7);
    };
  }

  #watch() {
    if (this.isOpen && performance.now() - this.#heard > SILENT && !document.hidden) this.drop();
  }
}
