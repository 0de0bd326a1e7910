/** The clock: the jam's own time, found from the quickest of many pings (Cristian's algorithm). */

const AT_FIRST = 8;
const KEPT = 24;

export class Clock {
  #answers = [];
  #asked = new Map();
  #next = 1;
  #say;

  /** `say` sends a message to the jam. */
  constructor(say) {
    this.#say = say;
    setInterval(() => this.ping(), 2000);
  }

  /** Begin anew, with another jam perhaps. */
  begin() {
    this.#answers = [];
    this.#asked.clear();
    for (let ping = 0; ping < AT_FIRST; ping++) setTimeout(() => this.ping(), ping * 40);
  }

  ping() {
    const id = this.#next++;
    this.#asked.set(id, performance.now() / 1000);
    if (!this.#say({ t: "ping", id })) this.#asked.clear();
  }

  /** A `pong` came. */
  hear({ id, now }) {
    const asked = this.#asked.get(id);
    if (asked === undefined) return;
    this.#asked.delete(id);
    const heard = performance.now() / 1000;
    this.#answers.push({ took: heard - asked, offset: now - (heard + asked) / 2 });
    if (this.#answers.length > KEPT) this.#answers.shift();
  }

  get #best() {
    return this.#answers.reduce((best, answer) => (answer.took < best.took ? answer : best), this.#answers[0]);
  }

  get isSet() {
    return this.#answers.length > 0;
  }

  /** Seconds of the jam's clock minus seconds of `performance.now()`. */
  get offset() {
    return this.isSet ? this.#best.offset : 0;
  }

  /** Seconds that the quickest message took, there and back; NaN when nothing is known. */
  get trip() {
    return this.isSet ? this.#best.took : NaN;
  }

  /** The jam's time now, in seconds. */
  get now() {
    return performance.now() / 1000 + this.offset;
  }

  /** When, in seconds of `performance.now()`, the jam's time is `at`. */
  here(at) {
    return this.isSet ? at - this.offset : performance.now() / 1000;
  }
}
