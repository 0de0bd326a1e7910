/**
 * Choices: every event that the constraints allow, narrowed field by field until one is left.
 *
 * The set is kept as rows. A row is an instrument, a mask of pitches, a range of velocities (0..0 for a release) and a
 * span of time, and stands for every combination of them. Every row is possible as a whole, so whichever order the
 * fields are drawn in, what has been drawn can always be completed.
 */

import { NothingPossible } from "./constraints.js";
import { INSTRUMENT, PITCH, SIZES, TICK, TIME, TIME_FIRST, TIME_LAST, VELOCITY, tickOf, timeBin } from "./stream.js";

const ALL = new Uint8Array(128).fill(1);

function one(pitch) {
  const mask = new Uint8Array(128);
  mask[pitch] = 1;
  return mask;
}

export class Choices {
  /**
   * @param {ReturnType<import("./constraints.js").complete>} constraints
   * @param {import("./stream.js").Ledger} ledger what sounds
   * @param {number} lastAt seconds of the last event, -Infinity where there was none
   * @param {number | null} lastTick its tick
   */
  constructor(constraints, ledger, lastAt, lastTick) {
    const earliest = Math.max(constraints.earliest, lastAt);
    if (constraints.latest < earliest) {
      throw new NothingPossible(`latest ${constraints.latest} s is before earliest ${earliest} s`);
    }
    this.tick = lastTick ?? (Number.isFinite(earliest) ? tickOf(earliest) : 0);
    this.rows = rowsOf(constraints, ledger, earliest);
    if (!this.rows.length) throw new NothingPossible("no voice may strike a note, and none may release one in time");
    for (const [name, value] of Object.entries(constraints.fixed)) this.#fix(name, value);
  }

  /** Keep only what has this value; of a fixed time exactly that time is kept. */
  #fix(name, value) {
    if (name === "time") {
      const possible = this.rows.filter((row) => row.begin <= value && value <= row.end);
      this.rows = possible.map((row) => ({ ...row, begin: value, end: value }));
    } else {
      this.keep({ instrument: INSTRUMENT, pitch: PITCH, velocity: VELOCITY }[name], value);
    }
    if (!this.rows.length) throw new NothingPossible(`${name} ${value} is not possible now`);
  }

  /** The values that a field may still take, each 1. */
  mask(field) {
    const mask = new Uint8Array(SIZES[field]);
    for (const row of this.rows) {
      if (field === INSTRUMENT) mask[row.instrument] = 1;
      else if (field === PITCH) row.pitches.forEach((may, pitch) => (mask[pitch] |= may));
      else if (field === TIME) mask.fill(1, this.#first(row), this.#last(row) + 1);
      else mask.fill(1, row.softest, row.loudest + 1);
    }
    return mask;
  }

  /** Narrow to what has `value` in `field` (for time: a bin). */
  keep(field, value) {
    if (field === INSTRUMENT) this.rows = this.rows.filter((row) => row.instrument === value);
    else if (field === TIME) this.rows = this.rows.filter((row) => this.#first(row) <= value && value <= this.#last(row));
    else if (field === PITCH) {
      this.rows = this.rows.filter((row) => row.pitches[value]).map((row) => ({ ...row, pitches: one(value) }));
    } else {
      const possible = this.rows.filter((row) => row.softest <= value && value <= row.loudest);
      this.rows = possible.map((row) => ({ ...row, softest: value, loudest: value }));
    }
  }

  /**
   * The one event left once all fields are drawn, its time drawn evenly from what its bin and row allow.
   * @param {number[]} code
   * @param {() => number} random
   * @returns {import("./stream.js").Event}
   */
  event(code, random) {
    const [row] = this.rows;
    const begin = Math.max(row.begin, (this.tick + TIME_FIRST[code[TIME]] - 0.5) * TICK);
    const end = Math.min(row.end, (this.tick + TIME_LAST[code[TIME]] + 0.5) * TICK);
    const at = end > begin ? begin + (end - begin) * random() : Math.min(Math.max(begin, row.begin), row.end);
    return { at, instrument: code[INSTRUMENT], pitch: code[PITCH], velocity: code[VELOCITY] };
  }

  #first({ begin }) {
    return Number.isFinite(begin) ? timeBin(tickOf(begin) - this.tick) : 0;
  }

  #last({ end }) {
    return Number.isFinite(end) ? timeBin(tickOf(end) - this.tick) : SIZES[TIME] - 1;
  }
}

function rowsOf({ voices, latest }, ledger, earliest) {
  const held = ledger.notes().filter(([instrument]) => voices.has(instrument));
  const dueOf = ([instrument, , since]) => since + voices.get(instrument).maxLength;
  const due = Math.min(Infinity, ...held.map(dueOf));
  if (due <= earliest) {
    // Overdue: nothing else may happen first.
    const overdue = held.filter((note) => dueOf(note) <= earliest);
    return overdue.map(([instrument, pitch]) => release(instrument, pitch, earliest, earliest));
  }
  const end = Math.min(latest, due);
  return [...voices].flatMap(([instrument, voice]) => {
    const notes = held.filter((note) => note[0] === instrument);
    return [...onsets(instrument, voice, notes, earliest, end), ...releases(instrument, voice, notes, earliest, end)];
  });
}

const release = (instrument, pitch, begin, end) =>
  ({ instrument, pitches: one(pitch), softest: 0, loudest: 0, begin, end });

function onsets(instrument, voice, notes, begin, end) {
  if (!voice.mayStart || notes.length >= voice.maxPolyphony) return [];
  const softest = Math.max(voice.minVelocity, 1);
  const loudest = Math.min(voice.maxVelocity, 127);
  if (softest > loudest) return [];
  const pitches = (voice.pitches ?? ALL).slice();
  for (const [, pitch] of notes) pitches[pitch] = 0;
  return pitches.includes(1) ? [{ instrument, pitches, softest, loudest, begin, end }] : [];
}

function releases(instrument, voice, notes, begin, end) {
  if (voice.mayStart && notes.length <= voice.minPolyphony) return [];
  const { minLength, maxLength } = voice;
  // A note that must end before it may goes by its longest length.
  const ripe = (since) => Math.max(begin, Math.min(since + minLength, since + maxLength));
  const possible = notes.filter(([, , since]) => ripe(since) <= end);
  return possible.map(([, pitch, since]) => release(instrument, pitch, ripe(since), end));
}
