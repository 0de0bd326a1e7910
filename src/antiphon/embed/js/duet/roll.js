/** The picture of both players: time goes to the left, pitch upwards; the visitor is warm, the partner cool. */

import { now } from "./clock.js";
import { isBlack, nameOf } from "./piano.js";

const SHOWN = 9; // seconds of the past
const COMING = 0.12; // part of the width that lies ahead
const [LOWEST, HIGHEST] = [33, 98];

export class Roll {
  #canvas;
  #colours = {};
  /** `{ who, pitch, velocity, start, end }` in seconds; `end` is Infinity while a note sounds. */
  notes = [];

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#fit()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#fit());
    requestAnimationFrame(() => this.#frame());
  }

  /** Note an event of "you" or of "it". */
  add(who, { at, pitch, velocity }) {
    for (const note of this.notes) if (note.who === who && note.pitch === pitch && note.end > at) note.end = at;
    if (velocity) this.notes.push({ who, pitch, velocity, start: at, end: Infinity });
    const gone = now() - 2 * SHOWN;
    this.notes = this.notes.filter(({ end }) => end > gone);
  }

  #fit() {
    const { clientWidth, clientHeight } = this.#canvas;
    this.#canvas.width = clientWidth * devicePixelRatio;
    this.#canvas.height = clientHeight * devicePixelRatio;
    const style = getComputedStyle(this.#canvas);
    for (const name of ["you", "it", "edge", "soft"]) this.#colours[name] = style.getPropertyValue(`--${name}-now`);
  }

  #frame() {
    requestAnimationFrame(() => this.#frame());
    const { width, height } = this.#canvas;
    const paint = this.#canvas.getContext("2d");
    const lane = height / (HIGHEST - LOWEST + 1);
    const yOf = (pitch) => (HIGHEST - pitch) * lane;
    const at = now();
    const present = width * (1 - COMING);
    const xOf = (time) => present - ((at - time) / SHOWN) * present;
    paint.clearRect(0, 0, width, height);
    this.#lanes(paint, width, lane, yOf);
    for (const { who, pitch, velocity, start, end } of this.notes) {
      const left = Math.max(xOf(start), 0);
      const right = Math.min(xOf(Math.min(end, Math.max(at, start))), width);
      if (right < 0 || pitch < LOWEST || pitch > HIGHEST) continue;
      paint.fillStyle = this.#colours[who];
      paint.globalAlpha = (0.35 + 0.65 * (velocity / 127)) * Math.min(1, (right + 1) / (0.12 * width));
      paint.beginPath();
      paint.roundRect(left, yOf(pitch) - 0.4 * lane, Math.max(right - left, 3), 1.8 * lane, lane);
      paint.fill();
    }
    paint.globalAlpha = 0.9;
    paint.fillStyle = this.#colours.it;
    paint.fillRect(present, 0, devicePixelRatio, height);
    paint.globalAlpha = 1;
  }

  #lanes(paint, width, lane, yOf) {
    paint.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    for (let pitch = LOWEST; pitch <= HIGHEST; pitch++) {
      paint.fillStyle = this.#colours.edge;
      paint.globalAlpha = isBlack(pitch) ? 0.28 : 0;
      paint.fillRect(0, yOf(pitch), width, lane);
      if (pitch % 12) continue;
      paint.globalAlpha = 0.8;
      paint.fillRect(0, yOf(pitch) + lane, width, devicePixelRatio);
      paint.fillStyle = this.#colours.soft;
      paint.fillText(nameOf(pitch), 8 * devicePixelRatio, yOf(pitch) + 0.5 * lane);
    }
    paint.globalAlpha = 1;
  }
}
