/** The piano on the screen: struck by mouse or fingers, louder further down the key; lit by whoever plays. */

import { eachFrame, h } from "../dom.js";
import { hands } from "../hands.js";
import { history } from "../history.js";
import { jam } from "../jam.js";
import { colourOf, isBlack, pitchName } from "../music.js";
import { KEYS, printedKeys, typing } from "../typing.js";
import { themeNow } from "./theme.js";

/** Pixels of a white key at least. */
const NARROWEST = 26;
const SOFTEST = 28;
/** Milliseconds for which a screen reader's press holds a key. */
const TAP = 350;

class Piano extends HTMLElement {
  #keys = new Map(); // pitch -> element
  #fingers = new Map(); // pointer -> pitch
  #lit = new Map(); // pitch -> colour
  #letters = new Map();
  #whites = 0;

  connectedCallback() {
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", "Piano");
    this.addEventListener("pointerdown", (event) => this.#down(event));
    this.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.addEventListener(end, (event) => this.#lift(event.pointerId));
    }
    this.addEventListener("click", (event) => this.#tap(event));
    this.addEventListener("contextmenu", (event) => event.preventDefault());
    new ResizeObserver(() => this.#fit()).observe(this);
    typing.addEventListener("change", () => this.#build());
    hands.addEventListener("keys", () => this.#light(jam.clock.now));
    printedKeys().then((letters) => {
      this.#letters = letters;
      this.#build();
    });
    eachFrame(() => this.#light(jam.clock.now));
  }

  #fit() {
    const whites = Math.min(52, Math.max(10, Math.floor(this.clientWidth / NARROWEST)));
    if (whites === this.#whites) return;
    this.#whites = whites;
    this.#build();
  }

  /** Lay out the keys around those of the computer keyboard. */
  #build() {
    if (!this.#whites) return;
    const first = this.#firstPitch();
    const keys = [];
    for (let pitch = first, whites = 0; whites < this.#whites && pitch < 128; pitch++) {
      if (!isBlack(pitch)) whites++;
      else if (whites === this.#whites) break;
      keys.push(this.#key(pitch, whites));
    }
    this.#keys = new Map(keys.map((key) => [Number(key.dataset.pitch), key]));
    this.#lit.clear();
    this.style.setProperty("--whites", this.#whites);
    this.replaceChildren(...keys);
  }

  /** The leftmost key, a C or an F: the two rows of letters are in the middle, as far as there is room. */
  #firstPitch() {
    const spare = Math.max(0, this.#whites - 18);
    const wanted = typing.base - 12 * Math.round(spare / 2 / 7);
    return Math.max(0, Math.min(wanted, 120 - 12 * Math.ceil(this.#whites / 7)));
  }

  #key(pitch, whites) {
    const code = [...KEYS].findLast(([, step]) => typing.base + step === pitch)?.[0];
    const letter = (code && this.#letters.get(code)) ?? "";
    const key = h("button", {
      type: "button",
      tabIndex: -1,
      className: isBlack(pitch) ? "black" : "white",
      "aria-label": pitchName(pitch),
      "data-pitch": pitch,
    });
    key.append(h("span", { className: "letter", textContent: letter, ariaHidden: "true" }));
    if (pitch % 12 === 0) key.append(h("span", { className: "name", textContent: pitchName(pitch), ariaHidden: "true" }));
    if (isBlack(pitch)) key.style.setProperty("--at", whites);
    return key;
  }

  #down(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.setPointerCapture(event.pointerId);
    this.#strike(event);
  }

  #move(event) {
    if (this.#fingers.has(event.pointerId)) this.#strike(event);
  }

  /** A finger is on a key: it lets go of the one where it was. */
  #strike(event) {
    const key = document.elementFromPoint(event.clientX, event.clientY)?.closest("antiphon-piano button");
    const pitch = key ? Number(key.dataset.pitch) : null;
    const before = this.#fingers.get(event.pointerId);
    if (pitch === before) return;
    if (typeof before === "number") hands.release(`finger ${event.pointerId}`, before);
    this.#fingers.set(event.pointerId, pitch);
    if (key) hands.press(`finger ${event.pointerId}`, pitch, velocityAt(key, event));
  }

  #lift(pointer) {
    const pitch = this.#fingers.get(pointer);
    this.#fingers.delete(pointer);
    if (typeof pitch === "number") hands.release(`finger ${pointer}`, pitch);
  }

  /** A press without a pointer, as screen readers do it. */
  #tap(event) {
    const key = event.target.closest("button");
    if (!key || event.detail > 0 || this.#fingers.size) return;
    const pitch = Number(key.dataset.pitch);
    hands.press("tap", pitch, typing.touch);
    setTimeout(() => hands.release("tap", pitch), TAP);
  }

  /** Colour the keys that are down, and only those that have changed. */
  #light(now) {
    const lit = new Map();
    for (const note of history.sounding(now)) {
      if (!jam.strip(note.channel)?.drums) lit.set(note.pitch, `${note.who}:${note.channel}`);
    }
    for (const { pitch, channel } of hands.held) lit.set(pitch, `you:${channel}`);
    for (const [pitch, key] of this.#keys) {
      const whose = lit.get(pitch);
      if (this.#lit.get(pitch) === whose) continue;
      whose ? this.#lit.set(pitch, whose) : this.#lit.delete(pitch);
      key.classList.toggle("lit", whose !== undefined);
      if (whose) key.style.setProperty("--lit", colourOf(...whose.split(":"), themeNow().tone));
    }
  }
}

/** Softer near the top of the key, louder near its edge; a pen or a finger that tells of pressure counts as well. */
function velocityAt(key, event) {
  const { top, height } = key.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (event.clientY - top) / (height * 0.9)));
  return Math.round(SOFTEST + (127 - SOFTEST) * share);
}

customElements.define("antiphon-piano", Piano);
