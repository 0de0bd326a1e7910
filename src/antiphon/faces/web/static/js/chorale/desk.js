/** The chorale that is worked on: its score and how it came about, what is chosen of it, and whom to tell of changes. */

import { remembered } from "../dom.js";
import { BAR, cleared, NAMES, put, without } from "./lines.js";

export const FEWEST_BARS = 1;
export const MOST_BARS = 32;
const UNDONE = 200;
const QUARTET = NAMES.length;

const blank = (bars) => Object.freeze({ bars, lines: Array.from({ length: QUARTET }, () => []) });

/** Events: `score` when notes change, `choice` when what is chosen does. */
class Desk extends EventTarget {
  #past = [];
  #future = [];
  #score = blank(4);
  #before = null; // the score when a gesture began
  voice = 0;
  /** Sixteenths of a new note. */
  unit = 4;
  /** `draw` or `erase`. */
  tool = "draw";
  /** The chosen bars, `[first, last]` from 1, or null. */
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
    return this.#score.bars * BAR;
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

  /** The score is `lines`, of so many bars. One step of undoing. */
  replace(lines, bars = this.#score.bars) {
    const before = this.#before ?? this.#score;
    this.#before = null;
    this.#past.push(before);
    if (this.#past.length > UNDONE) this.#past.shift();
    this.#future = [];
    this.#is({ bars, lines });
  }

  /** The line of a voice is `line`. What was stacked on the quartet is gone. */
  write(line, voice = this.voice) {
    this.replace(this.#with(line, voice));
  }

  /** The same in the middle of a gesture, which is undone as a whole: it ends with `settle`. */
  sketch(line, voice = this.voice) {
    this.#before ??= this.#score;
    this.#is({ bars: this.#score.bars, lines: this.#with(line, voice) });
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
  setBars(bars) {
    const wanted = Math.min(MOST_BARS, Math.max(FEWEST_BARS, Math.round(bars) || this.#score.bars));
    if (wanted === this.#score.bars) return;
    if (this.bars && this.bars[1] > wanted) this.bars = null;
    this.cursor.at = Math.min(this.cursor.at, wanted * BAR - 1);
    this.replace(
      this.lines.map((line) => cleared(line, wanted * BAR, Infinity)),
      wanted,
    );
  }

  /** Erase the chosen bars, or everything, but for voices that are locked. */
  clear() {
    const [first, last] = this.bars ?? [1, this.#score.bars];
    const quartet = this.lines.slice(0, QUARTET);
    this.replace(quartet.map((line, voice) => (this.locked.has(voice) ? line : cleared(line, (first - 1) * BAR, last * BAR))));
  }

  undo() {
    if (this.canUndo) this.#travel(this.#past, this.#future);
  }

  redo() {
    if (this.canRedo) this.#travel(this.#future, this.#past);
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
    this.#score = Object.freeze(score);
    if (this.bars && this.bars[1] > score.bars) this.bars = null;
    if (this.#before === null) remembered.set("chorale.score", score);
    this.dispatchEvent(new Event("score"));
  }
}

/** Whether what this browser has kept is a score; another version may have kept it. */
function isScore(kept) {
  const whole = (value, low, high) => Number.isInteger(value) && value >= low && value <= high;
  const isNote = (note) => whole(note?.at, 0, MOST_BARS * BAR) && whole(note.length, 1, MOST_BARS * BAR) && whole(note.pitch, 0, 127);
  return (
    whole(kept?.bars, FEWEST_BARS, MOST_BARS) &&
    Array.isArray(kept.lines) &&
    kept.lines.length % QUARTET === 0 &&
    kept.lines.length > 0 &&
    kept.lines.every((line) => Array.isArray(line) && line.every(isNote))
  );
}

export const desk = new Desk();
