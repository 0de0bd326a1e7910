/** One channel strip: who plays it, on what, and within which limits. */

import { h, titled } from "../dom.js";
import { jam } from "../jam.js";
import { pitchName, pitchNamed, printed } from "../music.js";
import { pickInstrument } from "./picker.js";

const MODE_HELP = {
  off: "nobody plays it",
  input: "yours",
  auto: "the machine's",
  follow: "harmonises another voice",
};

/** Limits as pairs, lowest first: name, label, unit, step, and how one end is written and read. */
const number = { write: String, read: Number.parseFloat };
const PAIRS = [
  { name: "range", label: "Range", unit: "", write: pitchName, read: pitchNamed },
  { name: "polyphony", label: "Notes at once", unit: "", ...number },
  { name: "length", label: "Length", unit: "s", ...number },
  { name: "velocity", label: "Velocity", unit: "", ...number },
  { name: "interval", label: "Interval", unit: "semitones", follows: true, ...number },
];

export class Strip {
  #strip = null;
  #pairs = new Map();

  constructor(channel, { modes, programs, families }) {
    this.channel = channel;
    this.programs = { programs, families };
    const labelled = (what) => `channel ${channel}: ${what}`;
    this.lamp = h("span", { className: "lamp", ariaHidden: "true" });
    this.mode = h("select", { "aria-label": labelled("mode"), className: "mode" });
    this.mode.append(...modes.map((mode) => h("option", { value: mode, textContent: mode, title: MODE_HELP[mode] ?? "" })));
    this.mode.onchange = () => this.#setMode(this.mode.value);
    this.instrument = h("button", { type: "button", className: "instrument" });
    this.instrument.onclick = () => this.#pick();
    this.mute = h("button", { type: "button", className: "mute", textContent: "M", "aria-label": labelled("mute"), title: "Mute" });
    this.mute.onclick = () => this.#change({ mute: !this.#strip.mute });
    this.more = h("button", {
      type: "button",
      className: "more",
      textContent: "▾",
      "aria-label": labelled("limits"),
      title: "Limits",
      ariaExpanded: "false",
    });
    this.limits = h("div", { className: "limits", hidden: true });
    this.more.onclick = () => this.#open(this.limits.hidden);
    const number = h("span", { className: "number", textContent: channel });
    const row = h("div", { className: "row" }, this.lamp, number, this.instrument, this.mode, this.mute, this.more);
    this.element = h("div", { className: "strip", role: "listitem", "data-channel": channel, "aria-label": labelled("") }, row, this.limits);
  }

  /** Show `strip` as the jam says it is; `all` are all sixteen. */
  show(strip, colour, all) {
    this.#strip = strip;
    this.all = all;
    this.element.style.setProperty("--colour", colour);
    this.element.classList.toggle("off", strip.mode === "off");
    this.mode.value = strip.mode;
    this.instrument.textContent = strip.drums ? "drum kit" : printed(strip.name);
    this.instrument.setAttribute("aria-label", `channel ${this.channel}: instrument, ${strip.name}`);
    this.mute.ariaPressed = String(strip.mute);
    if (!this.limits.hidden) this.#showLimits();
  }

  #change(fields) {
    jam.change(this.channel, fields);
    // What is refused is told to nobody else: show what there is until there is news.
    setTimeout(() => this.#strip && this.show(this.#strip, this.element.style.getPropertyValue("--colour"), this.all), 400);
  }

  /** A voice that follows needs another one to follow: the player's, if there is one. */
  #setMode(mode) {
    const source = this.#strip.source ?? this.#sources().find((strip) => strip.mode === "input")?.channel ?? this.#sources()[0]?.channel;
    this.#change(mode === "follow" ? { mode, source } : { mode });
  }

  #sources() {
    return this.all.filter(({ channel, mode }) => channel !== this.channel && mode !== "off");
  }

  async #pick() {
    const picked = await pickInstrument({ ...this.programs, current: this.#strip, title: `Channel ${this.channel}` });
    if (picked) this.#change(picked);
    this.instrument.focus();
  }

  #open(open) {
    this.limits.hidden = !open;
    this.more.ariaExpanded = String(open);
    if (open) this.#showLimits();
  }

  #showLimits() {
    if (!this.limits.childElementCount) this.limits.append(...PAIRS.map((pair) => this.#pair(pair)), this.#routing());
    const strip = this.#strip;
    for (const [name, { pair, ends, row }] of this.#pairs) {
      row.hidden = Boolean(pair.follows) && strip.mode !== "follow";
      ends.forEach((end, place) => end !== document.activeElement && (end.value = pair.write(strip[name][place])));
    }
    this.source.replaceChildren(...this.#sources().map(({ channel, name }) => h("option", { value: channel, textContent: `${channel} ${name}` })));
    this.source.value = strip.source;
    this.source.parentElement.hidden = strip.mode !== "follow";
    this.hears.value = strip.hears === null ? "own" : strip.hears;
    this.hears.parentElement.hidden = strip.mode !== "input" && !strip.punch_in;
    this.shift.value = strip.shift;
    this.punch.checked = strip.punch_in;
    this.punch.parentElement.hidden = strip.mode !== "auto";
    this.drums.checked = strip.drums;
  }

  /** Two lines to write a limit's ends in. */
  #pair(pair) {
    const ends = ["lowest", "highest"].map((which) =>
      h("input", { type: "text", size: 4, "aria-label": `${pair.label}, ${which}`, autocomplete: "off", spellcheck: false }),
    );
    const change = () => {
      const values = ends.map((end) => pair.read(end.value));
      this.#change({ [pair.name]: values.map((value, place) => (Number.isNaN(value) ? this.#strip[pair.name][place] : value)) });
    };
    for (const end of ends) end.onchange = change;
    const unit = pair.unit ? h("span", { className: "unit", textContent: pair.unit }) : null;
    const row = h("div", { className: "limit", "data-limit": pair.name }, h("span", { className: "label", textContent: pair.label }), ends[0], "–", ends[1], unit);
    this.#pairs.set(pair.name, { pair, ends, row });
    return row;
  }

  /** Everything about a strip that is no pair. */
  #routing() {
    this.source = h("select", { onchange: () => this.#change({ source: Number(this.source.value) }) });
    const heard = [["own", "its own channel"], [0, "any channel"], ...Array.from({ length: 16 }, (_, n) => [n + 1, `channel ${n + 1}`])];
    this.hears = h("select", {}, ...heard.map(([value, textContent]) => h("option", { value, textContent })));
    this.hears.onchange = () => this.#change({ hears: this.hears.value === "own" ? null : Number(this.hears.value) });
    this.shift = h("input", { type: "number", min: -127, max: 127, onchange: () => this.#change({ shift: Number(this.shift.value) || 0 }) });
    this.punch = h("input", { type: "checkbox", onchange: () => this.#change({ punch_in: this.punch.checked }) });
    this.drums = h("input", { type: "checkbox", onchange: () => this.#change({ drums: this.drums.checked }) });
    const named = (name, input) => h("label", { className: "limit" }, h("span", { className: "label", textContent: titled(name) }), input);
    return h(
      "div",
      { className: "routing" },
      named("follows", this.source),
      named("hears", this.hears),
      named("transposed", this.shift),
      named("yours while you play", this.punch),
      named("drums", this.drums),
    );
  }
}
