/** The chorale that is worked on: its score and how it came about, what is chosen of it, and whom to tell of changes. */

import { remembered } from "../dom.js";
import { areMeters, barsOf, LONGEST, metersOf, mostBars, upbeatOf } from "./bars.js";
import { cleared, endOf, NAMES, put, without } from "./lines.js";

const UNDONE = 200;
const QUARTET = NAMES.length;

const BLANK = Object.freeze({ steps: 64, meters: metersOf(4, 4), lines: Array.from({ length: QUARTET }, () => []) });

/** Events: `score` when notes change, `choice` when what is chosen does. */
class Desk extends EventTarget {
  #past = [];
  #future = [];
  #score = BLANK;
  #measures = null; // the bars of the score, once they were asked for
  #before = null; // the score when a gesture began
  voice = 0;
  /** Sixteenths of a new note, but for its dot. */
  unit = 4;
  isDotted = false;
  /** `draw` or `erase`. */
  tool = "draw";
  /** The chosen bars, `[first, last]` by their numbers, or null. */
  bars = null;
  /** Where the keyboard is: `{ at, pitch }`. */
  cursor = { at: 0, pitch: 67 };
  locked = new Set();
  muted = new Set();
  solo = new Set();
  tempo = remembered.get("chorale.tempo", 72);
  program = remembered.get("chorale.program", 19);
  /** Cents by which each pitch class from the tonic up is higher than in equal temperament, and the tonic's own. */
  tuning = Array(12).fill(0);
  tonic = 0;

  constructor() {
    super();
    const kept = remembered.get("chorale.score", null);
    if (isScore(kept)) this.#score = kept;
  }

  get score() {
    return this.#score;
  }

  get steps() {
    return this.#score.steps;
  }

  get meters() {
    return this.#score.meters;
  }

  /** The bars, see `barsOf`. */
  get measures() {
    this.#measures ??= barsOf(this.meters, this.steps);
    return this.#measures;
  }

  /** The bar in which a step lies. */
  measureAt(step) {
    return this.measures.findLast(({ at }) => at <= step) ?? this.measures[0];
  }

  /** The steps `[from, to]` of the chosen bars, of all where none are. */
  get span() {
    if (!this.bars) return [0, this.steps];
    const chosen = this.measures.filter(({ number }) => this.bars[0] <= number && number <= this.bars[1]);
    return [chosen[0].at, chosen.at(-1).end];
  }

  /** Sixteenths of a new note. */
  get length() {
    return this.isDotted && this.unit > 1 ? this.unit * 1.5 : this.unit;
  }

  /** How far apart new notes may begin about a step: a note's length, and a beat or a third of one at most. */
  gridAt(step) {
    const { beat } = this.measureAt(step);
    return Math.min(this.unit, beat % 3 ? beat : beat / 3);
  }

  /** Where a new note at a step begins. */
  snapped(step) {
    const [{ at, line }, grid] = [this.measureAt(step), this.gridAt(step)];
    return Math.max(at, line + Math.floor((step - line) / grid) * grid);
  }

  /** Four voices, and more when the chorale is stacked. */
  get lines() {
    return this.#score.lines;
  }

  get line() {
    return this.lines[this.voice];
  }

  get isStacked() {
    return this.lines.length > QUARTET;
  }

  get isEmpty() {
    return this.lines.every((line) => line.length === 0);
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** Choose something: `choose({ voice: 1 })`. */
  choose(fields) {
    Object.assign(this, fields);
    if ("tempo" in fields) remembered.set("chorale.tempo", this.tempo);
    if ("program" in fields) remembered.set("chorale.program", this.program);
    this.dispatchEvent(new Event("choice"));
  }

  /** Add `member` to one of the sets `locked`, `muted`, `solo`, or take it away. */
  toggle(name, member) {
    this[name].has(member) ? this[name].delete(member) : this[name].add(member);
    this.dispatchEvent(new Event("choice"));
  }

  /** Whether a voice of the quartet is heard. */
  isHeard(voice) {
    return this.solo.size ? this.solo.has(voice) : !this.muted.has(voice);
  }

  /** The score is `lines`, of so many steps in these meters. One step of undoing. */
  replace(lines, { steps, meters } = this.#score) {
    const before = this.#before ?? this.#score;
    this.#before = null;
    this.#past.push(before);
    if (this.#past.length > UNDONE) this.#past.shift();
    this.#future = [];
    this.#is({ steps, meters, lines });
  }

  /** The line of a voice is `line`. What was stacked on the quartet is gone. */
  write(line, voice = this.voice) {
    this.replace(this.#with(line, voice));
  }

  /** The same in the middle of a gesture, which is undone as a whole: it ends with `settle`. */
  sketch(line, voice = this.voice) {
    this.#before ??= this.#score;
    this.#is({ ...this.#score, lines: this.#with(line, voice) });
  }

  settle() {
    if (this.#before === null) return;
    if (this.#before.lines === this.#score.lines) this.#before = null;
    else this.replace(this.#score.lines);
  }

  put(note, voice = this.voice) {
    this.write(put(this.lines[voice], note), voice);
  }

  erase(note, voice = this.voice) {
    this.write(without(this.lines[voice], note), voice);
  }

  /** Make it longer or shorter; what lies beyond its end is gone. */
  setBars(count) {
    const possible = mostBars(this.meters);
    const last = possible.find(({ number }) => number === Math.round(count)) ?? possible.at(-1);
    this.#measure(this.meters, last.end);
  }

  /** The notes stay where they are, and the bar lines move; there are as many bars as before if that holds the notes. */
  setMeter([beats, unit], upbeat = upbeatOf(this.meters)) {
    const meters = metersOf(beats, unit, upbeat);
    const count = this.measures.at(-1).number;
    const asMany = (mostBars(meters).find(({ number }) => number === count) ?? mostBars(meters).at(-1)).end;
    const [fewest, most] = [Math.max(1, ...this.lines.flat().map(endOf)), this.steps].map((end) => this.#whole(meters, end));
    this.#measure(meters, Math.min(Math.max(asMany, fewest), most));
  }

  /** The steps and meters of a score that goes on to step `end` at least, if that can be. */
  reaching(end) {
    return { meters: this.meters, steps: this.#whole(this.meters, Math.max(end, this.steps)) };
  }

  /** Erase the chosen bars, or everything, but for voices that are locked. */
  clear() {
    const quartet = this.lines.slice(0, QUARTET);
    this.replace(quartet.map((line, voice) => (this.locked.has(voice) ? line : cleared(line, ...this.span))));
  }

  undo() {
    if (this.canUndo) this.#travel(this.#past, this.#future);
  }

  redo() {
    if (this.canRedo) this.#travel(this.#future, this.#past);
  }

  /** Where the bar ends in which a score of so many steps ends. */
  #whole(meters, steps) {
    const possible = mostBars(meters);
    return (possible.find(({ end }) => end >= steps) ?? possible.at(-1)).end;
  }

  #measure(meters, steps) {
    const kept = meters.filter(([at]) => at < steps);
    if (steps === this.steps && JSON.stringify(kept) === JSON.stringify(this.meters)) return;
    this.cursor.at = Math.min(this.cursor.at, steps - 1);
    this.replace(
      this.lines.map((line) => cleared(line, steps, Infinity)),
      { steps, meters: kept },
    );
  }

  #travel(from, to) {
    this.settle();
    to.push(this.#score);
    this.#is(from.pop());
  }

  #with(line, voice) {
    return this.lines.slice(0, QUARTET).map((each, place) => (place === voice ? line : each));
  }

  #is(score) {
    const isAnew = score.meters !== this.#score.meters || score.steps !== this.#score.steps;
    this.#score = Object.freeze(score);
    if (isAnew) this.#measures = this.bars = null;
    if (this.#before === null) remembered.set("chorale.score", score);
    this.dispatchEvent(new Event("score"));
  }
}

/** Whether what this browser has kept is a score; another version may have kept it. */
function isScore(kept) {
  const whole = (value, low, high) => Number.isInteger(value) && value >= low && value <= high;
  const isNote = (note) => whole(note?.at, 0, LONGEST) && whole(note.length, 1, LONGEST) && whole(note.pitch, 0, 127);
  return (
    whole(kept?.steps, 1, LONGEST) &&
    areMeters(kept.meters, kept.steps) &&
    Array.isArray(kept.lines) &&
    kept.lines.length % QUARTET === 0 &&
    kept.lines.length > 0 &&
    kept.lines.every((line) => Array.isArray(line) && line.every(isNote))
  );
}

export const desk = new Desk();
