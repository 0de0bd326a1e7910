/** The codec of streams, number for number as in Antiphon's own engine: events as four integers, and what sounds. */

/**
 * One onset or release.
 * @typedef {object} Event
 * @property {number} at seconds, on a clock of the caller's
 * @property {number} instrument 0..127 General MIDI programs, 128..255 drum kits, 256..287 parts that are not named,
 *   288..319 drums that are not named
 * @property {number} pitch 0..127
 * @property {number} velocity 1..127, or 0 for a release
 */

/** The fields of an event, in the order of a code. */
export const FIELDS = ["instrument", "pitch", "time", "velocity"];
export const [INSTRUMENT, PITCH, TIME, VELOCITY] = [0, 1, 2, 3];

/** Seconds a tick: times live on a lattice that is anchored to the clock. */
export const TICK = 0.01;

const WIDTHS = [[101, 1], [20, 5], [20, 10], [24, 25]]; // [bins, ticks a bin]: to 1 s, 2 s, 4 s, 10 s
const WIDTH = WIDTHS.flatMap(([bins, ticks]) => Array(bins).fill(ticks));
/** The last tick of each bin of time; the last bin also takes everything longer. */
export const TIME_LAST = WIDTH.reduce((ends, width) => [...ends, (ends.at(-1) ?? -1) + width], []);
/** The first tick of each bin of time. */
export const TIME_FIRST = TIME_LAST.map((last, bin) => last - WIDTH[bin] + 1);

/** How many values each field has. */
export const SIZES = [320, 128, TIME_LAST.length, 128];

/** Seconds after which a held note's two ages have fallen to 1/e. */
export const DECAYS = [0.3, 1.5];
const CHANNELS = 1 + DECAYS.length;
/** Numbers that tell a model what sounds. */
export const FEATURES = CHANNELS * 128 + SIZES[INSTRUMENT];

/** The tick on which a time in seconds falls. */
export const tickOf = (at) => Math.floor(at / TICK + 0.5);

/** The bin of a number of ticks since the last event; negative counts as none. */
export function timeBin(ticks) {
  let low = 0;
  let high = TIME_LAST.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (TIME_LAST[middle] < ticks) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Throws a RangeError for a time that is not a number or a field out of range. */
export function checkEvent({ at, instrument, pitch, velocity }) {
  if (!Number.isFinite(at)) throw new RangeError(`an event's time must be a number, not ${at}`);
  const within = (value, size) => Number.isInteger(value) && value >= 0 && value < size;
  if (!within(instrument, SIZES[INSTRUMENT]) || !within(pitch, 128) || !within(velocity, 128)) {
    throw new RangeError(`no such event: instrument ${instrument}, pitch ${pitch}, velocity ${velocity}`);
  }
}

/** Which notes sound and since when, longest first. */
export class Ledger {
  /** @param {Iterable<[number, number, number]>} notes instrument, pitch, onset in seconds */
  constructor(notes = []) {
    this.held = new Map();
    for (const [instrument, pitch, since] of notes) this.held.set(instrument * 128 + pitch, since);
  }

  has(instrument, pitch) {
    return this.held.has(instrument * 128 + pitch);
  }

  /** @param {Event} event */
  apply({ at, instrument, pitch, velocity }) {
    const key = instrument * 128 + pitch;
    this.held.delete(key); // out and in again, so that the order stays that of the onsets
    if (velocity > 0) this.held.set(key, at);
  }

  /** @returns {[number, number, number][]} instrument, pitch, onset in seconds */
  notes() {
    return [...this.held].map(([key, since]) => [key >> 7, key & 127, since]);
  }

  /** What sounds at `now` seconds as a model is told it. Of two instruments on one pitch the younger note counts. */
  features(now) {
    const vector = new Float32Array(FEATURES);
    for (const [instrument, pitch, since] of this.notes()) {
      const age = Math.max(now - since, 0);
      vector[pitch] = 1;
      DECAYS.forEach((decay, channel) => (vector[(channel + 1) * 128 + pitch] = Math.exp(-age / decay)));
      vector[CHANNELS * 128 + instrument] = 1;
    }
    return vector;
  }
}
