/** The scrolling piano roll: the player warm, the machine cool, what it means to play faint. */

import { eachFrame, still } from "../dom.js";
import { history } from "../history.js";
import { jam } from "../jam.js";
import { paint } from "./roll-paint.js";
import { themeNow } from "./theme.js";

/** Semitones that are shown at least, and kept free above and below what is played. */
const FEWEST = 26;
const MARGIN = 3;
/** Where now is, as a share of the width. */
const NOW = 0.8;
const PER_SECOND = 86;

class Roll extends HTMLElement {
  #canvas = document.createElement("canvas");
  #low = 47;
  #high = 76;
  #at = 0;
  #isSeen = true;

  connectedCallback() {
    this.setAttribute("role", "img");
    this.#canvas.ariaHidden = "true";
    this.prepend(this.#canvas);
    new ResizeObserver(() => this.#resize()).observe(this);
    new IntersectionObserver(([entry]) => (this.#isSeen = entry.isIntersecting)).observe(this);
    eachFrame((at) => this.#draw(at));
    setInterval(() => this.#describe(), 2000);
  }

  #resize() {
    const scale = devicePixelRatio || 1;
    this.#canvas.width = Math.round(this.clientWidth * scale);
    this.#canvas.height = Math.round(this.clientHeight * scale);
  }

  #draw(at) {
    if (!this.#isSeen || !this.#canvas.width || (still.matches && at - this.#at < 0.2)) return;
    const passed = Math.min(0.1, at - this.#at);
    this.#at = at;
    const view = this.#view();
    const notes = visible(history.notes, view);
    this.#follow(notes, view.strips, still.matches ? 1 : 1 - Math.exp(-passed / 0.5));
    const pen = this.#canvas.getContext("2d");
    const scale = devicePixelRatio || 1;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    paint(pen, { ...view, low: this.#low, high: this.#high, notes, plan: history.plan, theme: themeNow() });
  }

  /** What is to be seen: times in seconds of the jam's clock. With less motion it turns pages instead of scrolling. */
  #view() {
    const [width, height] = [this.clientWidth, this.clientHeight];
    const now = jam.clock.now;
    const span = Math.max(4.5, width / PER_SECOND);
    const page = span * NOW;
    const start = still.matches ? Math.floor(now / page) * page : now - page;
    return { width, height, now, start, span, sense: jam.latest("sense"), strips: jam.strips };
  }

  /** Move the range of pitches a part of the way to what is played. */
  #follow(notes, strips, part) {
    const pitches = notes.filter((note) => !strips[note.channel - 1]?.drums).map(({ pitch }) => pitch);
    if (!pitches.length) return;
    let low = Math.min(...pitches) - MARGIN;
    let high = Math.max(...pitches) + MARGIN;
    const missing = Math.max(0, FEWEST - (high - low)) / 2;
    low = Math.max(0, low - missing);
    high = Math.min(127, high + missing);
    this.#low += (low - this.#low) * part;
    this.#high += (high - this.#high) * part;
  }

  #describe() {
    const [yours, its] = ["you", "it"].map((who) => history.notes.filter((note) => note.who === who).length);
    this.setAttribute("aria-label", `Piano roll: of late you played ${yours} notes, Antiphon ${its}`);
  }
}

function visible(notes, { start, span, now }) {
  const seen = [];
  for (let place = notes.length - 1; place >= 0; place--) {
    const note = notes[place];
    if ((note.end ?? now) >= start && note.start <= start + span) seen.push(note);
  }
  return seen.reverse();
}

customElements.define("antiphon-roll", Roll);
