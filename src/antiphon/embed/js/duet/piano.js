/** The piano on the page: for the mouse, for fingers, and to see what sounds. */

import { KEYS } from "./hands.js";

const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const BLACK = [1, 3, 6, 8, 10];
const NARROWEST = 36; // pixels of a white key
const [FEWEST, MOST] = [8, 36]; // white keys
const SOFTEST = 45;
const LOUDEST = 115;

export const isBlack = (pitch) => BLACK.includes(pitch % 12);
export const nameOf = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;

const letterOf = (code) => code.replace(/^(Key|Digit)/, "");

/** Pitches from `lowest`, a white key, up to the last of so many white keys. */
function keysFrom(lowest, whites) {
  const pitches = [];
  for (let pitch = lowest, left = whites; left && pitch < 128; pitch++) {
    pitches.push(pitch);
    if (!isBlack(pitch)) left--;
  }
  return pitches;
}

export class Piano {
  #root;
  #hands;
  #keys = new Map(); // pitch -> element
  #whites = 0;
  #fingers = new Map(); // pointer -> pitch

  /** @param {HTMLElement} root @param {import("./hands.js").Hands} hands */
  constructor(root, hands) {
    this.#root = root;
    this.#hands = hands;
    new ResizeObserver(() => this.#fit()).observe(root);
    root.addEventListener("pointerdown", (event) => this.#touch(event));
    root.addEventListener("pointermove", (event) => this.#fingers.has(event.pointerId) && this.#touch(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      root.addEventListener(end, (event) => this.#lift(event.pointerId));
    }
    root.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** Show a key as sounding, or not, for `who`: "you" or "it". */
  show(who, pitch, isDown) {
    this.#keys.get(pitch)?.classList.toggle(who, isDown);
  }

  /** Move the letters, and what is seen, by octaves. */
  shift(octaves) {
    this.#hands.base = Math.min(84, Math.max(24, this.#hands.base + 12 * octaves));
    this.#build();
  }

  #fit() {
    const whites = Math.min(MOST, Math.max(FEWEST, Math.floor(this.#root.clientWidth / NARROWEST)));
    if (whites === this.#whites) return;
    this.#whites = whites;
    this.#build();
  }

  #build() {
    const down = [...this.#keys].map(([pitch, { classList }]) => [pitch, ["you", "it"].filter((c) => classList.contains(c))]);
    const below = 12 * Math.floor(Math.max(0, this.#whites / 7 - 2) / 2 + 0.5);
    const lowest = Math.max(this.#hands.base - below, 0);
    const pitches = keysFrom(lowest, this.#whites);
    const letters = new Map([...KEYS].map(([code, step]) => [this.#hands.base + step, letterOf(code)]));
    this.#root.style.setProperty("--whites", pitches.filter((pitch) => !isBlack(pitch)).length);
    this.#keys.clear();
    let white = 0;
    for (const pitch of pitches) {
      const key = document.createElement("button");
      key.type = "button";
      key.tabIndex = -1;
      key.className = isBlack(pitch) ? "black" : "white";
      key.dataset.pitch = pitch;
      key.style.setProperty("--place", white);
      key.ariaLabel = nameOf(pitch);
      const letter = document.createElement("kbd");
      letter.textContent = letters.get(pitch) ?? "";
      const name = document.createElement("small");
      name.textContent = pitch % 12 ? "" : nameOf(pitch);
      key.append(letter, name);
      this.#keys.set(pitch, key);
      if (!isBlack(pitch)) white++;
    }
    this.#root.replaceChildren(...this.#keys.values());
    for (const [pitch, classes] of down) for (const name of classes) this.show(name, pitch, true);
  }

  #touch(event) {
    const key = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-pitch]");
    event.preventDefault();
    if (!key || !this.#root.contains(key)) return this.#lift(event.pointerId);
    const pitch = Number(key.dataset.pitch);
    if (this.#fingers.get(event.pointerId) === pitch) return undefined;
    this.#lift(event.pointerId);
    if (event.type === "pointerdown") this.#root.setPointerCapture(event.pointerId);
    this.#fingers.set(event.pointerId, pitch);
    const box = key.getBoundingClientRect();
    const depth = Math.min(Math.max((event.clientY - box.top) / box.height, 0), 1); // nearer to the edge is louder
    return this.#hands.press(`finger ${event.pointerId}`, pitch, Math.round(SOFTEST + (LOUDEST - SOFTEST) * depth));
  }

  #lift(pointer) {
    const pitch = this.#fingers.get(pointer);
    if (pitch === undefined) return;
    this.#fingers.delete(pointer);
    this.#hands.release(`finger ${pointer}`, pitch);
  }
}
