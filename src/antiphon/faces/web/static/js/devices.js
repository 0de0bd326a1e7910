/** MIDI devices of the browser: each input is heard unless it was turned off, whenever it is plugged in. */

import { remembered } from "./dom.js";
import { hands } from "./hands.js";

class Devices extends EventTarget {
  #access = null;
  #muted = new Set(remembered.get("unheard", []));
  problem = "";

  /** `unasked`, `asking`, `open` or `closed` (see `problem`). */
  state = "unasked";

  /** Ask at once where the musician has already said yes. */
  async begin() {
    try {
      const { state } = await navigator.permissions.query({ name: "midi" });
      if (state === "granted") await this.ask();
    } catch {
      // A browser that does not know the permission asks, or does not, when the musician wants it.
    }
  }

  /** Ask the browser for MIDI. */
  async ask() {
    if (!navigator.requestMIDIAccess) {
      const why = isSecureContext ? "this browser has no Web MIDI" : "Web MIDI needs this machine's own address, or https";
      return this.#is("closed", why);
    }
    this.#is("asking");
    try {
      this.#access = await navigator.requestMIDIAccess({ sysex: false });
      this.#access.onstatechange = () => this.#listen();
      this.#is("open");
      this.#listen();
    } catch (error) {
      this.#is("closed", said(error));
    }
  }

  /** The inputs, as `{ id, name, isHeard }`. */
  get inputs() {
    return this.#connected.map((input) => ({ id: input.id, name: nameOf(input), isHeard: !this.#muted.has(nameOf(input)) }));
  }

  /** Listen to an input, or do not; kept for the next time. */
  hear(id, isHeard) {
    const input = this.#access.inputs.get(id);
    isHeard ? this.#muted.delete(nameOf(input)) : this.#muted.add(nameOf(input));
    remembered.set("unheard", [...this.#muted]);
    this.#listen();
  }

  get #connected() {
    return [...(this.#access?.inputs.values() ?? [])].filter(({ state }) => state !== "disconnected");
  }

  #listen() {
    for (const input of this.#access.inputs.values()) {
      const holder = `device ${input.id}`;
      const isHeard = input.state !== "disconnected" && !this.#muted.has(nameOf(input));
      if (!isHeard) hands.releaseAll(holder);
      input.onmidimessage = isHeard ? ({ data }) => hands.hear(holder, data) : null;
    }
    this.dispatchEvent(new Event("change"));
  }

  #is(state, problem = "") {
    this.state = state;
    this.problem = problem;
    this.dispatchEvent(new Event("change"));
  }
}

const nameOf = (input) => input.name || "an input without a name";

function said(error) {
  if (error.name === "NotAllowedError" || error.name === "SecurityError") {
    return "the browser was told not to let this page use MIDI: its address bar can change that";
  }
  if (error.name === "InvalidStateError") return "this system's MIDI cannot be reached: is its service running?";
  if (error.name === "NotSupportedError") return "this system has no MIDI that the browser can use";
  return error.message || error.name;
}

export const devices = new Devices();
