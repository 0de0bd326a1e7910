/** A slider with its value beside it; double-click or Delete brings the default back. */

import { h } from "../dom.js";
import { positionOf, read, rounded, STEPS, stepAt, unitOf, valueAt, written } from "./scale.js";

/** Milliseconds between two values that are sent while it is dragged, and during which news of it is not shown. */
const PACE = 33;
const OWN = 300;
const WAYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };

export class Slider {
  kind = "slider";
  #control;
  #turn;
  #value;
  #timer = 0;
  #told = 0;
  #isHeld = false;

  constructor(control, id, turn) {
    this.#control = control;
    this.#turn = turn;
    this.#value = control.default;
    this.labelled = id;
    this.range = h("input", { type: "range", min: "0", max: String(STEPS), step: "any", id });
    this.text = h("input", { type: "text", inputMode: "decimal", tabIndex: -1, size: 5, autocomplete: "off", spellcheck: false });
    const unit = h("span", { className: "unit", textContent: unitOf(control) });
    this.elements = [this.range, h("span", { className: "value" }, this.text, unit)];
    this.range.style.setProperty("--mark", positionOf(control, control.default) / STEPS);
    this.#listen();
    this.show(control.default);
  }

  describe(label, help) {
    this.range.setAttribute("aria-describedby", help);
    this.text.setAttribute("aria-labelledby", label);
  }

  /** Show `value`, unless the musician is turning it at this moment: then once that is over. */
  show(value) {
    const isOwn = this.#isHeld || performance.now() - this.#told < OWN;
    clearTimeout(this.settling);
    if (isOwn) this.settling = setTimeout(() => this.show(value), OWN);
    else this.#show(value);
  }

  #show(value) {
    const { low, high, unit } = this.#control;
    this.#value = value;
    const position = positionOf(this.#control, value);
    const zero = low < 0 && high > 0 ? positionOf(this.#control, 0) : 0;
    this.range.value = String(position);
    this.range.style.setProperty("--from", Math.min(position, zero) / STEPS);
    this.range.style.setProperty("--to", Math.max(position, zero) / STEPS);
    this.range.setAttribute("aria-valuetext", `${written(this.#control, value)} ${unit}`.trim());
    if (document.activeElement !== this.text) this.text.value = written(this.#control, value);
  }

  #listen() {
    const { range, text } = this;
    range.addEventListener("input", () => this.#take(valueAt(this.#control, Number(range.value))));
    range.addEventListener("pointerdown", () => (this.#isHeld = true));
    for (const end of ["pointerup", "pointercancel", "blur"]) range.addEventListener(end, () => (this.#isHeld = false));
    range.addEventListener("dblclick", () => this.#take(this.#control.default));
    range.addEventListener("keydown", (event) => this.#key(event));
    text.addEventListener("focus", () => text.select());
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "Escape") text.blur();
    });
    text.addEventListener("change", () => {
      const value = read(this.#control, text.value);
      if (value !== null) this.#take(value);
    });
    text.addEventListener("blur", () => (text.value = written(this.#control, this.#value)));
  }

  #key(event) {
    const { low, high } = this.#control;
    const way = WAYS[event.key];
    if (event.key === "Home") this.#take(low);
    else if (event.key === "End") this.#take(high);
    else if (way) this.#take(rounded(this.#control, this.#value + way * stepAt(this.#control, this.#value)));
    else return;
    event.preventDefault();
  }

  /** The musician turned it: shown at once, told no more often than is useful. */
  #take(value) {
    this.#show(value);
    clearTimeout(this.settling);
    if (this.#timer) return;
    const wait = Math.max(0, this.#told + PACE - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#told = performance.now();
      this.#turn(this.#value);
    }, wait);
    this.#told = Math.max(this.#told, performance.now() - PACE);
  }
}
