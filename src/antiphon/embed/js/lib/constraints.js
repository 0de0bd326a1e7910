/** What the next event may be, as a caller writes it, and with everything filled in. */

import { PLAIN } from "./draw.js";
import { FIELDS } from "./stream.js";

/**
 * What one instrument may do. Lengths are in seconds. Releases of what sounds are always possible once `minLength` has
 * passed, and never later than `maxLength` after the onset.
 * @typedef {object} Voice
 * @property {Iterable<number>} [pitches] those that may be struck (all)
 * @property {number} [minVelocity] (1)
 * @property {number} [maxVelocity] (127)
 * @property {number} [minPolyphony] (0)
 * @property {number} [maxPolyphony] (128)
 * @property {number} [minLength] (0)
 * @property {number} [maxLength] (Infinity)
 * @property {boolean} [mayStart] whether anything new may be struck (true)
 */

/**
 * What the next event may be. Nothing outside has any probability.
 * @typedef {object} Constraints
 * @property {Object<number, Voice>} voices by instrument; other instruments do nothing
 * @property {number} [earliest] seconds, possible itself (-Infinity)
 * @property {number} [latest] seconds, possible itself (Infinity)
 * @property {{instrument?: number, pitch?: number, time?: number, velocity?: number}} [fixed] fields that are given;
 *   `time` in seconds on the clock
 * @property {string[]} [order] fields in the order in which they are drawn (velocity, time, instrument, pitch); what is
 *   fixed comes first whatever it says
 * @property {Object<string, import("./draw.js").Steer>} [steer] by field
 * @property {number} [onsetWeight] multiplies the odds of an onset against a release (1)
 * @property {Object<number, number>} [weights] by instrument: multiplies the odds of its onsets against the others' (1)
 */

/** The constraints leave no event at all. */
export class NothingPossible extends Error {
  name = "NothingPossible";
}

const VOICE = {
  pitches: undefined,
  minVelocity: 1,
  maxVelocity: 127,
  minPolyphony: 0,
  maxPolyphony: 128,
  minLength: 0,
  maxLength: Infinity,
  mayStart: true,
};
const CONSTRAINTS = {
  voices: {},
  earliest: -Infinity,
  latest: Infinity,
  fixed: {},
  order: ["velocity", "time", "instrument", "pitch"],
  steer: {},
  onsetWeight: 1,
  weights: {},
};

/** The pitches from `low` to `high`, both included. */
export const range = (low, high) => Array.from({ length: high - low + 1 }, (_, place) => low + place);

/** `given` over `otherwise`. A name that is not there is an error: a limit that was misspelt would bind nothing. */
function filled(otherwise, given, what) {
  for (const [name, value] of Object.entries(given)) {
    if (!(name in otherwise)) throw new TypeError(`${what} has no ${name}: there are ${Object.keys(otherwise).join(", ")}`);
    const isNumber = typeof otherwise[name] === "number";
    if (isNumber && (typeof value !== "number" || Number.isNaN(value))) {
      throw new TypeError(`${name} of ${what} must be a number, not ${value}`);
    }
  }
  return { ...otherwise, ...given };
}

function voiceOf(instrument, given) {
  const voice = filled(VOICE, given, `voice ${instrument}`);
  if (voice.pitches !== undefined) {
    const pitches = new Uint8Array(128);
    for (const pitch of voice.pitches) {
      if (!(pitch in pitches)) throw new RangeError(`voice ${instrument} has no pitch ${pitch}`);
      pitches[pitch] = 1;
    }
    voice.pitches = pitches;
  }
  return voice;
}

/**
 * All that constraints say. Throws a TypeError or RangeError, one line, for a name or a value that is none.
 * @param {Constraints} given
 */
export function complete(given) {
  const constraints = filled(CONSTRAINTS, given, "constraints");
  const voices = new Map();
  for (const [name, voice] of Object.entries(constraints.voices)) {
    const instrument = Number(name);
    if (!Number.isInteger(instrument) || instrument < 0 || instrument >= 320) {
      throw new RangeError(`no instrument ${name}`);
    }
    voices.set(instrument, voiceOf(instrument, voice));
  }
  const steer = Object.fromEntries(
    FIELDS.map((field) => [field, filled(PLAIN, constraints.steer[field] ?? {}, `steer.${field}`)]),
  );
  for (const name of [...constraints.order, ...Object.keys(constraints.fixed), ...Object.keys(constraints.steer)]) {
    if (!FIELDS.includes(name)) throw new TypeError(`no field ${name}: there are ${FIELDS.join(", ")}`);
  }
  for (const [name, value] of Object.entries(constraints.fixed)) {
    const isGood = name === "time" ? Number.isFinite(value) : Number.isInteger(value);
    if (!isGood) throw new TypeError(`${name} cannot be fixed to ${value}`);
  }
  for (const name of FIELDS) {
    const times = constraints.order.filter((other) => other === name).length;
    if (times > 1 || (times === 0 && !(name in constraints.fixed))) throw new TypeError(`order needs ${name} once`);
  }
  return { ...constraints, voices, steer };
}
