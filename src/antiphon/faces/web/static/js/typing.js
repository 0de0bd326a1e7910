/** The computer keyboard as a piano: two rows, by where the keys are and not by what is printed on them. */

import { isWriting, remembered } from "./dom.js";
import { hands } from "./hands.js";
import { jam } from "./jam.js";

const LOWER = ["KeyZ", "KeyS", "KeyX", "KeyD", "KeyC", "KeyV", "KeyG", "KeyB", "KeyH", "KeyN", "KeyJ", "KeyM"];
const LOWER_ON = ["Comma", "KeyL", "Period", "Semicolon", "Slash"];
const UPPER = ["KeyQ", "Digit2", "KeyW", "Digit3", "KeyE", "KeyR", "Digit5", "KeyT", "Digit6", "KeyY", "Digit7", "KeyU"];
const UPPER_ON = ["KeyI", "Digit9", "KeyO", "Digit0", "KeyP", "BracketLeft", "Equal", "BracketRight"];

/** Semitones above the lowest C, by `KeyboardEvent.code`. */
export const KEYS = new Map([
  ...[...LOWER, ...LOWER_ON].map((code, place) => [code, place]),
  ...[...UPPER, ...UPPER_ON].map((code, place) => [code, place + 12]),
]);

const LOWEST = 1;
const HIGHEST = 7;
const TOUCHES = [30, 50, 70, 90, 110, 127];

class Typing extends EventTarget {
  #down = new Map(); // code -> pitch
  octave = remembered.get("octave", 4); // of Z; C4 is middle C
  touch = remembered.get("touch", 90);

  constructor() {
    super();
    addEventListener("keydown", (event) => this.#keydown(event));
    addEventListener("keyup", (event) => this.#keyup(event));
    addEventListener("blur", () => this.#letGo());
    document.addEventListener("visibilitychange", () => document.hidden && this.#letGo());
  }

  /** The pitch of the lower row's first key. */
  get base() {
    return 12 * (this.octave + 1);
  }

  shift(octaves) {
    this.octave = Math.min(HIGHEST, Math.max(LOWEST, this.octave + octaves));
    remembered.set("octave", this.octave);
    this.dispatchEvent(new Event("change"));
  }

  /** Play softer or louder: to the next of a few velocities. */
  press(louder) {
    const place = TOUCHES.findIndex((velocity) => velocity >= this.touch);
    this.touch = TOUCHES[Math.min(TOUCHES.length - 1, Math.max(0, place + louder))];
    remembered.set("touch", this.touch);
    this.dispatchEvent(new Event("change"));
  }

  #keydown(event) {
    if (event.code === "Escape" && !document.querySelector("dialog[open]")) {
      hands.releaseAll();
      jam.act("panic");
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey || isWriting(event.target)) return;
    if (this.#arrow(event) || this.#space(event, true)) return event.preventDefault();
    const step = KEYS.get(event.code);
    if (step === undefined) return;
    event.preventDefault(); // "/" and "'" search in some browsers
    if (event.repeat || this.#down.has(event.code)) return;
    const pitch = this.base + step;
    this.#down.set(event.code, pitch);
    hands.press(`typing ${event.code}`, pitch, event.shiftKey ? Math.min(127, this.touch + 25) : this.touch);
  }

  #keyup(event) {
    if (event.key === "Meta") this.#letGo(); // while it is down, some systems tell of no other key's end
    this.#space(event, false);
    const pitch = this.#down.get(event.code);
    if (pitch === undefined) return;
    this.#down.delete(event.code);
    hands.release(`typing ${event.code}`, pitch);
  }

  /** Left and right move by octaves, with shift they play softer or louder; not where arrows mean something else. */
  #arrow(event) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.code];
    if (!way || event.target.closest?.("input, select:focus-visible, [role=tab]")) return false;
    event.shiftKey ? this.press(way) : this.shift(way);
    return true;
  }

  /** The space bar is the pedal, unless it presses what has the focus. */
  #space(event, isDown) {
    if (event.code !== "Space") return false;
    if (isDown && event.target.closest?.("button, a, input:not([type=range]), select:focus-visible")) return false;
    if (!event.repeat) hands.pedal("typing Space", isDown);
    return true;
  }

  #letGo() {
    this.#down.clear();
    hands.releaseAll("typing");
  }
}

export const typing = new Typing();

/** What is printed on the keys here, by code; letters of the English layout where the browser does not say. */
export async function printedKeys() {
  const plain = { Comma: ",", Period: ".", Semicolon: ";", Slash: "/", BracketLeft: "[", BracketRight: "]", Equal: "=" };
  const letters = new Map([...KEYS.keys()].map((code) => [code, plain[code] ?? code.replace(/Key|Digit/, "")]));
  try {
    const layout = await navigator.keyboard.getLayoutMap();
    for (const code of letters.keys()) letters.set(code, (layout.get(code) ?? letters.get(code)).toUpperCase());
  } catch {
    // Only some browsers tell.
  }
  return letters;
}
