/**
 * The voices of a chorale as lines: arrays of notes `{ at, length, pitch, drawn }` in order, none of which overlap. Times
 * are sixteenths; `drawn` notes are the player's, the others the choir's. Nothing here changes a line: each answer is new.
 */

export const NAMES = ["soprano", "alto", "tenor", "bass"];
/** The lowest and the highest pitch of each voice, as in Bach's chorales. */
export const RANGES = [
  [60, 81],
  [52, 74],
  [46, 69],
  [36, 66],
];
export const LOWEST = 36;
export const HIGHEST = 81;
/** Sixteenths of a quarter. */
export const BEAT = 4;

export const endOf = ({ at, length }) => at + length;

/** The note that sounds at a step, or undefined. */
export const noteAt = (line, step) => line.find((note) => note.at <= step && step < endOf(note));

export const without = (line, note) => line.filter((each) => each !== note);

/** The line with a note in it; what stood there is cut, and what is left of it stays. */
export function put(line, note) {
  const kept = line.flatMap((each) => [
    ...clipped(each, 0, note.at),
    ...clipped(each, endOf(note), Infinity),
  ]);
  return [...kept, note].sort((one, other) => one.at - other.at);
}

/** The line with nothing from step `from` to step `to`. */
export const cleared = (line, from, to) => line.flatMap((note) => [...clipped(note, 0, from), ...clipped(note, to, Infinity)]);

/** The line as far as it lies between two steps. */
export const within = (line, from, to) => line.flatMap((note) => clipped(note, from, to));

function clipped(note, from, to) {
  const at = Math.max(note.at, from);
  const end = Math.min(endOf(note), to);
  if (at >= end) return [];
  return at === note.at && end === endOf(note) ? [note] : [{ ...note, at, length: end - at }];
}

/** By whole octaves into the range of a voice, as near as that can be. */
export function fitted(pitch, voice) {
  const [low, high] = RANGES[voice];
  let fit = pitch;
  while (fit < low) fit += 12;
  while (fit > high) fit -= 12;
  return fit;
}

/** By how many octaves, in semitones, a line is to be moved so that most of it lies in the range of a voice. */
export function octavesInto(line, voice) {
  const [low, high] = RANGES[voice];
  const outside = (shift) => line.filter(({ pitch }) => pitch + shift < low || pitch + shift > high).length;
  const shifts = [0, 12, -12, 24, -24, 36, -36, 48, -48];
  return shifts.reduce((best, shift) => (outside(shift) < outside(best) ? shift : best), 0);
}

/** As the server knows a line. */
export const plain = (line) => line.map(({ at, length, pitch }) => [at, length, pitch]);

/** A line that the server made; notes that are in `before` as they were are still drawn if they were. */
export function made(line, before = []) {
  return line.map(([at, length, pitch]) => {
    const same = before.find((note) => note.at === at && note.length === length && note.pitch === pitch);
    return { at, length, pitch, drawn: same?.drawn ?? false };
  });
}
