/** The visitor's hands: keys that are down, whoever holds them, as events. Every onset gets its release. */

import { now } from "./clock.js";
import { YOU } from "./partner.js";

const LOWER = ["KeyZ", "KeyS", "KeyX", "KeyD", "KeyC", "KeyV", "KeyG", "KeyB", "KeyH", "KeyN", "KeyJ", "KeyM"];
const UPPER = ["KeyQ", "Digit2", "KeyW", "Digit3", "KeyE", "KeyR", "Digit5", "KeyT", "Digit6", "KeyY", "Digit7", "KeyU"];
const BEYOND = ["KeyI", "Digit9", "KeyO", "Digit0", "KeyP"];

/** Semitones above the lowest C, by `KeyboardEvent.code`: where keys are, not what is printed on them. */
export const KEYS = new Map([...LOWER, ...UPPER, ...BEYOND].map((code, place) => [code, place]));

const TYPED = 88; // velocity
const SUSTAIN = 64;

/** Says "played" with an event. */
export class Hands extends EventTarget {
  #holders = new Map(); // pitch -> names of what holds it
  #typed = new Map(); // code -> pitch
  #pedalled = new Set(); // of MIDI: pitches that were let go while the pedal was down
  #pedal = false;
  /** The pitch of the lowest letter. */
  base = 60;

  constructor() {
    super();
    addEventListener("keydown", (event) => this.#keydown(event));
    addEventListener("keyup", (event) => this.#keyup(event));
  }

  /** Pitches that are held. */
  get held() {
    return [...this.#holders.keys()];
  }

  press(holder, pitch, velocity, at = now()) {
    const holders = this.#holders.get(pitch);
    if (holders) return void holders.add(holder);
    this.#holders.set(pitch, new Set([holder]));
    this.#say(at, pitch, velocity);
  }

  release(holder, pitch, at = now()) {
    const holders = this.#holders.get(pitch);
    if (!holders?.delete(holder) || holders.size) return;
    this.#holders.delete(pitch);
    this.#say(at, pitch, 0);
  }

  /** Let go of everything. */
  releaseAll() {
    this.#typed.clear();
    this.#pedalled.clear();
    this.#pedal = false;
    for (const [pitch, holders] of [...this.#holders]) {
      for (const holder of [...holders]) this.release(holder, pitch);
    }
  }

  /** Listen to every MIDI keyboard, also those that are plugged in later. Rejects where the visitor forbids it. */
  async listen() {
    const midi = await navigator.requestMIDIAccess();
    const attach = () => {
      for (const input of midi.inputs.values()) {
        input.onmidimessage = ({ data, timeStamp }) => this.#midi(input.id, data, timeStamp / 1000);
      }
      return [...midi.inputs.values()].map(({ name }) => name);
    };
    midi.onstatechange = ({ port }) => {
      if (port.state === "disconnected") this.#letGo(`midi ${port.id}`);
      this.dispatchEvent(new CustomEvent("keyboards", { detail: attach() }));
    };
    return attach();
  }

  #say(at, pitch, velocity) {
    this.dispatchEvent(new CustomEvent("played", { detail: { at, instrument: YOU, pitch, velocity } }));
  }

  #letGo(holder) {
    for (const pitch of this.held) this.release(holder, pitch);
  }

  #keydown(event) {
    const step = KEYS.get(event.code);
    const isElsewhere = event.target.closest?.("select, input:not([type=range])");
    if (step === undefined || event.ctrlKey || event.altKey || event.metaKey || isElsewhere) return;
    event.preventDefault();
    if (event.repeat || this.#typed.has(event.code)) return;
    this.#typed.set(event.code, this.base + step);
    this.press(event.code, this.base + step, TYPED);
  }

  #keyup({ code }) {
    const pitch = this.#typed.get(code);
    if (pitch === undefined) return;
    this.#typed.delete(code);
    this.release(code, pitch);
  }

  #midi(id, [status, number, value], at) {
    const kind = status & 0xf0;
    const holder = `midi ${id}`;
    if (kind === 0x90 && value > 0) {
      if (this.#pedalled.delete(number)) this.release(holder, number, at); // struck again: the note begins anew
      this.press(holder, number, value, at);
    } else if (kind === 0x80 || kind === 0x90) {
      if (this.#pedal) this.#pedalled.add(number);
      else this.release(holder, number, at);
    } else if (kind === 0xb0 && number === SUSTAIN) {
      this.#pedal = value >= 64;
      if (this.#pedal) return;
      for (const pitch of this.#pedalled) this.release(holder, pitch, at);
      this.#pedalled.clear();
    }
  }
}
