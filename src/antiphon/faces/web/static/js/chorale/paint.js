/** How the chorale is painted: lanes, bars, the voices' notes, the cursor. Every function draws; none remembers. */

import { isBlack, pitchName } from "../music.js";
import { NAMES, RANGES } from "./lines.js";

const QUARTET = NAMES.length;
/** Pixels of a note that has room for a letter, and for a name. */
const LETTER = [9, 9];
const NAMED = [30, 11];
/** Pixels between names of pitches, at least. */
const BETWEEN = 84;

/** Where things are: `x` of a step, `y` of the upper edge of a pitch, and the reverse. */
export function placed({ width, height, steps, low, high }) {
  const [column, row] = [width / steps, height / (high - low + 1)];
  return {
    column,
    row,
    x: (step) => step * column,
    y: (pitch) => (high - pitch) * row,
    stepAt: (x) => Math.min(steps - 1, Math.max(0, Math.floor(x / column))),
    pitchAt: (y) => Math.min(high, Math.max(low, high - Math.floor(y / row))),
  };
}

/** Paint everything. `view`: width, height, steps, low, high, desk, theme, isFocused, hovered. */
export function paint(pen, view) {
  const place = placed(view);
  const { desk, theme } = view;
  pen.fillStyle = theme.paper;
  pen.fillRect(0, 0, view.width, view.height);
  lanes(pen, view, place);
  chosenBars(pen, view, place);
  lines(pen, view, place);
  desk.lines.forEach((line, voice) => {
    if (voice >= QUARTET) for (const note of line) stacked(pen, view, place, note, voice % QUARTET);
  });
  const order = [...NAMES.keys()].filter((voice) => voice !== desk.voice);
  for (const voice of [...order, desk.voice]) for (const note of desk.lines[voice]) block(pen, view, place, note, voice);
  if (view.isFocused) cursor(pen, view, place);
}

/** Rows of black keys are darker; rows out of the chosen voice's range are hatched by a veil. */
function lanes(pen, { width, low, high, theme, desk }, { y, row }) {
  const [lowest, highest] = RANGES[desk.voice];
  for (let pitch = low; pitch <= high; pitch++) {
    if (isBlack(pitch)) {
      pen.fillStyle = theme.lane;
      pen.fillRect(0, y(pitch), width, row);
    }
    if (pitch % 12 === 0) {
      pen.fillStyle = theme.bar;
      pen.fillRect(0, Math.round(y(pitch) + row), width, 1);
    }
  }
  pen.fillStyle = theme[NAMES[desk.voice]];
  pen.globalAlpha = 0.07;
  pen.fillRect(0, y(highest), width, y(lowest) + row - y(highest));
  pen.globalAlpha = 1;
}

function chosenBars(pen, { height, theme, desk }, { x }) {
  if (!desk.bars) return;
  const [left, right] = desk.span.map(x);
  pen.fillStyle = theme.it;
  pen.globalAlpha = 0.12;
  pen.fillRect(left, 0, right - left, height);
  pen.globalAlpha = 0.8;
  for (const edge of [left, right - 1.5]) pen.fillRect(edge, 0, 1.5, height);
  pen.globalAlpha = 1;
}

/** Lines of bars, beats and, where there is room, sixteenths; and what the Cs are called. */
function lines(pen, { height, low, high, theme, desk }, { x, y, column, row }) {
  for (const { at, end, line, beat, unit } of desk.measures) {
    const part = Math.min(beat, 16 / unit);
    const every = column >= 11 ? 1 : part * column >= 7 ? part : beat;
    for (let step = at; step < end; step++) {
      const isBeat = (step - line) % beat === 0;
      if (step > at && !isBeat && (step - line) % every) continue;
      pen.fillStyle = step === at ? theme.faint : theme.bar;
      pen.globalAlpha = step === at ? 0.75 : isBeat ? 0.7 : 0.3;
      pen.fillRect(Math.round(x(step)), 0, 1, height);
    }
  }
  pen.globalAlpha = 1;
  pen.fillStyle = theme.faint;
  pen.font = `10px ${theme.font}`;
  pen.textBaseline = "middle";
  let free = -Infinity; // a name every so many pixels is enough
  for (const { at, number } of desk.measures) {
    if (x(at) < free || !number) continue;
    free = x(at) + BETWEEN;
    for (let pitch = Math.ceil(low / 12) * 12; pitch <= high; pitch += 12) {
      pen.fillText(pitchName(pitch), x(at) + 3, y(pitch) + row / 2);
    }
  }
}

/** A voice that was stacked on the quartet: thinner, and behind it. */
function stacked(pen, { theme }, { x, y, column, row }, { at, length, pitch }, voice) {
  pen.fillStyle = theme[NAMES[voice]];
  pen.globalAlpha = 0.42;
  rounded(pen, x(at) + 1, y(pitch) + row * 0.28, length * column - 2, row * 0.44, 2);
  pen.globalAlpha = 1;
}

function block(pen, view, place, note, voice) {
  const { theme, desk, hovered } = view;
  const { x, y, column, row } = place;
  const [left, top] = [x(note.at) + 0.5, y(note.pitch) + 0.5];
  const [width, height] = [Math.max(2, note.length * column - 1), Math.max(3, row - 1)];
  const colour = theme[NAMES[voice]];
  pen.globalAlpha = desk.isHeard(voice) ? 1 : 0.35;
  pen.fillStyle = theme.paper;
  rounded(pen, left, top, width, height, 3);
  pen.fillStyle = colour;
  const shown = pen.globalAlpha;
  pen.globalAlpha = shown * (note.drawn ? 1 : 0.72);
  rounded(pen, left, top, width, height, 3);
  pen.globalAlpha = shown;
  if (voice === desk.voice || note === hovered) outline(pen, left, top, width, height, note === hovered ? theme.ink : colour);
  label(pen, view, note, voice, left, top, width, height);
  pen.globalAlpha = 1;
}

function outline(pen, left, top, width, height, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.roundRect(left + 0.5, top + 0.5, width - 1, height - 1, 3);
  pen.stroke();
}

/** Whose it is, so that nobody needs to tell colours apart; the pitch where there is room. */
function label(pen, { theme }, { pitch, drawn }, voice, left, top, width, height) {
  if (width < LETTER[0] || height < LETTER[1]) return;
  const isNamed = width >= NAMED[0] && height >= NAMED[1];
  const letter = NAMES[voice][0].toUpperCase();
  pen.fillStyle = theme.paper;
  pen.font = `${drawn ? 700 : 500} ${Math.min(11, height - 1)}px ${theme.font}`;
  pen.textBaseline = "middle";
  pen.fillText(isNamed ? `${letter} ${pitchName(pitch)}` : letter, left + 2.5, top + height / 2 + 0.5);
}

function cursor(pen, { theme, desk }, { x, y, column, row }) {
  pen.strokeStyle = theme.ink;
  pen.lineWidth = 2;
  pen.strokeRect(x(desk.cursor.at) + 1, y(desk.cursor.pitch) - 1, desk.length * column - 2, row + 2);
}

function rounded(pen, left, top, width, height, radius) {
  pen.beginPath();
  pen.roundRect(left, top, width, height, Math.min(radius, height / 2, width / 2));
  pen.fill();
}
