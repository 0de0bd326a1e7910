/**
 * Bars by meters, as the server has them (`bars.py`): rows `[step, beats, unit]`, each of which begins a bar and cuts the
 * one before short. A first bar that is cut short is an upbeat, and has the number 0.
 */

/** Sixteenths of the longest score. */
export const LONGEST = 640;
const UNITS = [1, 2, 4, 8, 16];

/** Sixteenths of a whole bar. */
export const lengthOf = (beats, unit) => (16 * beats) / unit;

/** Sixteenths of a beat, which has three units in 6/8, 9/8 and 12/8. */
const beatOf = (beats, unit) => (unit >= 8 && beats > 3 && beats % 3 === 0 ? 48 : 16) / unit;

/**
 * The bars of so many steps: `{ number, at, end, line, beats, unit, beat }`. `line` is where the bar would begin if it
 * were whole, from which its beats are counted.
 */
export function barsOf(meters, steps) {
  const bars = meters.flatMap(([start, beats, unit], row) => {
    const [until, length] = [meters[row + 1]?.[0] ?? steps, lengthOf(beats, unit)];
    const count = Math.ceil((until - start) / length);
    return Array.from({ length: count }, (_, place) => {
      const at = start + place * length;
      return { at, end: Math.min(at + length, until), line: at, beats, unit, beat: beatOf(beats, unit) };
    });
  });
  const hasUpbeat = upbeatOf(meters) > 0;
  if (hasUpbeat) bars[0].line = bars[0].end - lengthOf(bars[0].beats, bars[0].unit);
  return bars.map((bar, place) => ({ ...bar, number: hasUpbeat ? place : place + 1 }));
}

/** Sixteenths of the upbeat, 0 where there is none. */
export function upbeatOf([[, beats, unit], second]) {
  if (!second || second[0] > lengthOf(beats, unit)) return 0;
  return second[0] < lengthOf(second[1], second[2]) ? second[0] : 0;
}

/** The rows of one meter with an upbeat, which is shorter than a bar. */
export function metersOf(beats, unit, upbeat = 0) {
  const whole = [0, beats, unit];
  return upbeat > 0 && upbeat < lengthOf(beats, unit) ? [whole, [upbeat, beats, unit]] : [whole];
}

/** The bars that a score may have at most. */
export const mostBars = (meters) => barsOf(meters, LONGEST).filter(({ at, beats, unit }) => at + lengthOf(beats, unit) <= LONGEST);

/** Whether rows are meters of a score of so many steps. */
export function areMeters(rows, steps) {
  const isRow = (row, place) =>
    Array.isArray(row) &&
    row.length === 3 &&
    row.every(Number.isInteger) &&
    (place === 0 ? row[0] === 0 : row[0] > rows[place - 1][0] && row[0] < steps) &&
    row[1] >= 1 &&
    UNITS.includes(row[2]) &&
    lengthOf(row[1], row[2]) <= LONGEST;
  return Array.isArray(rows) && rows.length > 0 && rows.every(isRow);
}
