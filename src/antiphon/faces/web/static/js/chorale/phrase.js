/** What was played freely, as a line of a chorale: the last phrase, its top voice, in the beat that explains it best. */

import { BEAT } from "./lines.js";

/** Seconds of silence that part two phrases. */
const PAUSE = 2.2;
/** Seconds within which notes begin together. */
const TOGETHER = 0.06;
/** How long a note may be, in sixteenths, and how unlikely that is. */
const LENGTHS = [
  [1, 0.3],
  [2, 0.08],
  [3, 0.35],
  [4, 0],
  [6, 0.16],
  [8, 0.06],
  [12, 0.2],
  [16, 0.12],
  [24, 0.4],
  [32, 0.4],
];
const [SLOWEST, FASTEST, USUAL] = [46, 144, 80];
/** How much a tempo far from the usual one costs, against onsets that miss the beat. */
const USE = 0.08;
/** A note that is held for this share of the way to the next one reaches it. */
const HELD = 0.55;

/**
 * The last phrase that `who` played, of the roll's notes at `now`: `{ tempo, line }` with the tempo in beats a minute and
 * the line from step 0; null when there is none. `isDrum` tells notes that have no pitch.
 */
export function lastPhrase(notes, who, now, isDrum = () => false) {
  const own = notes.filter((note) => note.who === who && note.start <= now && !isDrum(note));
  let first = own.length - 1;
  if (first < 0) return null;
  while (first > 0 && own[first].start - silenceFrom(own, first, now) < PAUSE) first--;
  const tune = topOf(own.slice(first), now);
  const tempo = tempoOf(tune);
  return { tempo: Math.round(tempo), line: lineOf(tune, 60 / tempo) };
}

/** When everything before a note had ended. */
const silenceFrom = (notes, place, now) => Math.max(...notes.slice(Math.max(0, place - 16), place).map(({ end }) => end ?? now));

/** One note at a time: of those that begin together the highest, each at most until the next. */
function topOf(notes, now) {
  const tune = [];
  for (const { start, end, pitch } of notes) {
    const last = tune.at(-1);
    if (last && start - last.start < TOGETHER) {
      if (pitch > last.pitch) tune[tune.length - 1] = { start: last.start, end: end ?? now, pitch };
    } else {
      tune.push({ start, end: end ?? now, pitch });
    }
  }
  return tune;
}

/** The tempo at which the gaps between onsets are nearest to plain lengths. */
function tempoOf(tune) {
  const gaps = tune.slice(1).map(({ start }, place) => start - tune[place].start);
  let best = { tempo: USUAL, cost: Infinity };
  for (let tempo = SLOWEST; tempo <= FASTEST; tempo++) {
    const misses = gaps.map((gap) => nearest(gap, 60 / tempo).cost);
    const cost = misses.reduce((sum, miss) => sum + miss, 0) / Math.max(1, gaps.length) + USE * Math.abs(Math.log2(tempo / USUAL));
    if (cost < best.cost) best = { tempo, cost };
  }
  return best.tempo;
}

/** The length, in sixteenths, that a gap in seconds is, and how well. */
function nearest(gap, beat) {
  const sixteenths = (gap / beat) * BEAT;
  const choices = LENGTHS.map(([length, price]) => ({ length, cost: Math.abs(Math.log(sixteenths / length)) + price }));
  return choices.reduce((best, choice) => (choice.cost < best.cost ? choice : best));
}

function lineOf(tune, beat) {
  let at = 0;
  return tune.map(({ start, end, pitch }, place) => {
    const next = tune[place + 1];
    const held = nearest(Math.max(end - start, 0.02), beat).length;
    const gap = next ? nearest(next.start - start, beat).length : Math.max(held, BEAT);
    const length = !next || (end - start) / (next.start - start) > HELD ? gap : Math.min(held, gap);
    const note = { at, length, pitch, drawn: true };
    at += gap;
    return note;
  });
}
