/** Drawing one value from logits: mask, temperature, nucleus and quantile window. */

/**
 * How one field is drawn.
 * @typedef {object} Steer
 * @property {number} [temperature] of the softmax (1); 0 takes the likeliest
 * @property {number} [topP] the fewest values that hold so much of the probability (1)
 * @property {[number, number]} [window] the part of the distribution between two quantiles ([0, 1])
 */

/** @type {Required<Steer>} */
export const PLAIN = { temperature: 1, topP: 1, window: [0, 1] };

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Indices of what is not zero. */
export const indices = (values) => Array.from(values.keys()).filter((place) => values[place]);

function normalised(weights) {
  const total = sum(weights);
  return weights.map((weight) => weight / total);
}

function cumulative(values) {
  let total = 0;
  return values.map((value) => (total += value));
}

/** The first place whose value is at least `limit` (or with `beyond` more than it); the length where there is none. */
function firstFrom(ascending, limit, beyond = false) {
  const place = ascending.findIndex((value) => (beyond ? value > limit : value >= limit));
  return place < 0 ? ascending.length : place;
}

/** The fewest values that hold `topP` of the probability (Holtzman et al. 2020). */
function nucleus(p, topP) {
  const order = Array.from(p.keys()).sort((a, b) => p[b] - p[a]);
  const enough = firstFrom(cumulative(order.map((place) => p[place])), topP) + 1;
  const kept = new Float64Array(p.length);
  for (const place of order.slice(0, enough)) kept[place] = p[place];
  return normalised(kept);
}

/** The part of the distribution between two quantiles, values in their natural order. */
function between(p, [low, high]) {
  const clip = (value) => Math.min(Math.max(value, low), high);
  const edges = [0, ...cumulative(p)].map(clip);
  const kept = p.map((_, place) => edges[place + 1] - edges[place]);
  if (sum(kept) > 0) return normalised(kept);
  const possible = indices(p); // an empty window is the value at its place
  const ends = cumulative(possible.map((place) => p[place]));
  kept.fill(0);
  kept[possible[Math.min(firstFrom(ends, low), possible.length - 1)]] = 1;
  return kept;
}

/**
 * The distribution to draw from: exactly zero where `mask`, which allows at least one value, is zero.
 * @param {ArrayLike<number>} logits
 * @param {Uint8Array} mask
 * @param {Required<Steer>} [steer]
 * @returns {Float64Array}
 */
export function probabilities(logits, mask, steer = PLAIN) {
  const allowed = indices(mask);
  const scores = Float64Array.from(allowed, (place) => logits[place]);
  if (!scores.every(Number.isFinite)) throw new Error("the model's answer is not a number");
  let most = 0;
  scores.forEach((score, place) => (most = score > scores[most] ? place : most));
  let p = new Float64Array(scores.length);
  if (steer.temperature <= 0) {
    p[most] = 1;
  } else {
    const scaled = scores.map((score) => score / steer.temperature);
    p = normalised(scaled.map((score) => Math.exp(score - scaled[most])));
    if (steer.topP < 1) p = nucleus(p, steer.topP);
    if (steer.window[0] !== 0 || steer.window[1] !== 1) p = between(p, steer.window);
  }
  const full = new Float64Array(mask.length);
  allowed.forEach((place, i) => (full[place] = p[i]));
  return full;
}

/**
 * An index with probability `p`; never one whose probability is zero.
 * @param {Float64Array} p
 * @param {number} random 0 to 1, without 1
 */
export function draw(p, random) {
  const possible = indices(p);
  const ends = cumulative(possible.map((place) => p[place]));
  return possible[Math.min(firstFrom(ends, random * sum(p), true), possible.length - 1)];
}

/**
 * Random numbers, 0 to 1 without 1, the same for the same seed: mulberry32, two draws a number.
 * @param {number} seed
 * @returns {() => number}
 */
export function seeded(seed) {
  let state = seed >>> 0;
  const word = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53;
}
