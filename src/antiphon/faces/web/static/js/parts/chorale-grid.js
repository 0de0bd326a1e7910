/** The score of the chorale, to be drawn in: a ruler of bars, and below it four voices by pitch and sixteenths. */

import { eachFrame, h, still } from "../dom.js";
import { desk } from "../chorale/desk.js";
import { key, spokenCursor } from "../chorale/keyboard.js";
import { endOf, HIGHEST, LOWEST, RANGES } from "../chorale/lines.js";
import { paint, placed } from "../chorale/paint.js";
import { player } from "../chorale/player.js";
import { Strokes } from "../chorale/strokes.js";
import { pitchName } from "../music.js";
import { themeNow } from "./theme.js";

/** Pixels of a sixteenth at least, and of the widest canvas, which browsers limit. */
const NARROWEST = 4.6;
const WIDEST = 16000;
const MARGIN = 2;
const HELP =
  "Score. Arrows move, up and down change the note; letters or Enter write one, Delete erases it; " +
  "Shift with arrows makes it longer or moves it by octaves; Page Up and Page Down change the voice; Space plays.";

class ChoraleGrid extends HTMLElement {
  #canvas = h("canvas", { tabIndex: 0, role: "application", "aria-label": HELP });
  #ruler = h("div", { className: "ruler", role: "group", "aria-label": "Bars to be made anew" });
  #head = h("div", { className: "playhead", hidden: true });
  #said = h("p", { className: "visually-hidden", role: "status" });
  #sheet = h("div", { className: "sheet" }, this.#canvas, this.#head);
  #scroll = h("div", { className: "scroll" }, this.#ruler, this.#sheet);
  #strokes = new Strokes();
  #hovered = null;
  #ruled = null; // the bars that the ruler shows
  #isDue = false;
  /** How much wider than the panel a sixteenth is, and whether only the chosen voice's range is shown. */
  zoom = 1;
  isNear = false;
  /** Nothing can be drawn while the choir is at work. */
  isBusy = false;

  connectedCallback() {
    this.replaceChildren(this.#scroll, this.#said);
    desk.addEventListener("score", () => this.#change());
    desk.addEventListener("choice", () => this.#change());
    new ResizeObserver(() => this.refresh()).observe(this);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.refresh());
    this.#listen();
    eachFrame(() => this.#follow());
  }

  /** Lay out and paint at the next frame. */
  refresh() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#fit();
      this.#paint();
    });
  }

  #change() {
    this.refresh();
    if (document.activeElement === this.#canvas) this.#said.textContent = spokenCursor(pitchName);
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", () => this.#strokes.release());
    canvas.addEventListener("pointercancel", () => this.#strokes.release({ takesBack: true }));
    canvas.addEventListener("pointerleave", () => this.#hover(null));
    // The mouse draws and does not take the letters from the piano; what is written elsewhere is done.
    canvas.addEventListener("mousedown", (event) => {
      event.preventDefault();
      if (document.activeElement !== canvas) document.activeElement?.blur();
    });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("focus", () => this.#change());
    canvas.addEventListener("blur", () => this.refresh());
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "Escape" || event.key === "Tab" || this.isBusy) return;
      if (!key(event, () => this.dispatchEvent(new Event("toggle")))) return;
      event.preventDefault();
      event.stopPropagation();
      this.#show(desk.cursor.at);
    });
  }

  #press(event) {
    if (this.isBusy || !event.isPrimary || event.button === 1) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#strokes.press(this.#point(event), { erases: event.button === 2 });
  }

  #move(event) {
    if (!event.isPrimary) return;
    if (event.buttons) this.#strokes.drag(this.#point(event));
    else this.#hover(this.#point(event));
  }

  #hover(point) {
    const found = point && this.#strokes.found(point);
    const isEdge = found && point.endX(found.note) - point.x < 7 && found.note.length * point.column > 21;
    this.#canvas.style.cursor = desk.tool === "erase" ? "cell" : !found ? "crosshair" : isEdge ? "ew-resize" : "grab";
    if (this.#hovered === (found?.note ?? null)) return;
    this.#hovered = found?.note ?? null;
    this.refresh();
  }

  #point({ clientX, clientY }) {
    const { left, top } = this.#canvas.getBoundingClientRect();
    const place = placed(this.#view());
    const x = clientX - left;
    return { x, step: place.stepAt(x), pitch: place.pitchAt(clientY - top), column: place.column, endX: (note) => place.x(endOf(note)) };
  }

  #fit() {
    const width = Math.min(WIDEST, Math.max(this.clientWidth, desk.steps * NARROWEST) * this.zoom);
    this.#sheet.style.width = this.#ruler.style.width = `${Math.floor(width)}px`;
    const [height, scale] = [this.#sheet.clientHeight, Math.min(devicePixelRatio || 1, WIDEST / width)];
    const size = [Math.round(Math.floor(width) * scale), Math.round(height * scale)];
    if (this.#canvas.width !== size[0] || this.#canvas.height !== size[1]) [this.#canvas.width, this.#canvas.height] = size;
    this.#rule();
  }

  /** A button for each bar: pressed, it is to be made anew. */
  #rule() {
    const bars = desk.measures;
    if (this.#ruled !== bars) {
      this.#ruled = bars;
      this.#ruler.replaceChildren(...bars.map((bar, place) => ruled(bar, bars[place - 1])));
      this.#ruler.style.gridTemplateColumns = bars.map(({ at, end }) => `minmax(0, ${end - at}fr)`).join(" ");
    }
    [...this.#ruler.children].forEach((button, place) => {
      const { number } = bars[place];
      button.ariaPressed = String(desk.bars !== null && desk.bars[0] <= number && number <= desk.bars[1]);
    });
  }

  #view() {
    const pitches = desk.lines.flat().map(({ pitch }) => pitch);
    const [low, high] = this.isNear ? RANGES[desk.voice] : [LOWEST, HIGHEST];
    return {
      width: this.#sheet.clientWidth,
      height: this.#sheet.clientHeight,
      steps: desk.steps,
      low: Math.max(0, this.isNear ? low - MARGIN : Math.min(low, desk.cursor.pitch, ...pitches) - 1),
      high: Math.min(127, this.isNear ? high + MARGIN : Math.max(high, desk.cursor.pitch, ...pitches) + 1),
    };
  }

  #paint() {
    const view = this.#view();
    if (!view.width || !this.#canvas.width) return;
    const pen = this.#canvas.getContext("2d");
    const scale = this.#canvas.width / view.width;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    const isFocused = this.#canvas.matches(":focus-visible");
    paint(pen, { ...view, desk, theme: themeNow(), isFocused, hovered: this.#hovered });
  }

  /** The line that goes through the score while it is played; it turns pages. */
  #follow() {
    if (this.#head.hidden !== !player.isPlaying) this.#head.hidden = !player.isPlaying;
    if (!player.isPlaying) return;
    const at = still.matches ? Math.floor(player.at / 4) * 4 : player.at;
    this.#head.style.translate = `${placed(this.#view()).x(at)}px`;
    this.#show(at);
  }

  /** Scroll so that a step is seen. */
  #show(step) {
    const [x, { scrollLeft, clientWidth }] = [placed(this.#view()).x(step), this.#scroll];
    if (x < scrollLeft || x > scrollLeft + clientWidth - 8) this.#scroll.scrollLeft = x - 8;
  }
}

/** The button of a bar, with its meter where that is another than before; an upbeat is too short for one. */
function ruled({ number, beats, unit }, before) {
  const isNew = number === 1 || (number > 1 && (before.beats !== beats || before.unit !== unit));
  const meter = isNew ? h("small", { textContent: `${beats}/${unit}` }) : null;
  const name = `${number ? `Bar ${number}` : "The upbeat"}${isNew ? `, ${beats}/${unit}` : ""}`;
  return h("button", { type: "button", "aria-label": name, onclick: () => chooseBar(number) }, h("span", { textContent: number }), meter);
}

/** Choose one bar more, up to this one; a chosen one again: none any more. */
function chooseBar(bar) {
  const [first, last] = desk.bars ?? [bar, bar];
  const isChosen = desk.bars !== null && first <= bar && bar <= last;
  desk.choose({ bars: isChosen ? null : [Math.min(first, bar), Math.max(last, bar)] });
}

customElements.define("antiphon-chorale-grid", ChoraleGrid);
