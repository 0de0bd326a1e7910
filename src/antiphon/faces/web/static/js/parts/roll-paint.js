/** How the roll is painted: lanes, bars, notes, the plan and now. Every function draws; none remembers. */

import { colourOf, isBlack, pitchName } from "../music.js";

/** Height of the lane of drums, in pixels. */
const DRUMS = 46;
/** Seconds that a note is taken to last while its end is not known and it has not begun. */
const BRIEF = 0.14;

/** Paint one frame. `view` holds everything that is seen; see `Roll`. */
export function paint(pen, view) {
  const hasDrums = view.notes.some((note) => isDrum(view, note));
  const scale = scaleOf(view, hasDrums ? DRUMS : 0);
  pen.fillStyle = view.theme.paper;
  pen.fillRect(0, 0, view.width, view.height);
  lanes(pen, view, scale);
  if (hasDrums) drumLane(pen, view, scale);
  bars(pen, view, scale);
  for (const note of view.notes) if (!isDrum(view, note)) block(pen, view, scale, note);
  if (hasDrums) hits(pen, view, scale);
  if (view.plan) plan(pen, view, scale);
  fadeLeft(pen, view, scale);
  nowLine(pen, view, scale);
}

const isDrum = (view, { channel }) => Boolean(view.strips[channel - 1]?.drums);

function scaleOf({ width, height, start, span, low, high }, drums) {
  const floor = height - drums;
  const row = floor / (high - low);
  return { floor, row, x: (at) => ((at - start) / span) * width, y: (pitch) => (high - pitch) * row };
}

function lanes(pen, { width, theme, low, high }, { row, y, floor }) {
  pen.save();
  pen.beginPath();
  pen.rect(0, 0, width, floor);
  pen.clip();
  for (let pitch = Math.floor(low); pitch <= Math.ceil(high); pitch++) {
    const top = y(pitch) - row / 2;
    if (isBlack(pitch)) {
      pen.fillStyle = theme.lane;
      pen.fillRect(0, top, width, row);
    }
    if (pitch % 12 === 0) {
      pen.fillStyle = theme.line;
      pen.fillRect(0, Math.round(top + row), width, 1);
    }
  }
  pen.restore();
}

function drumLane(pen, { width, theme }, { floor }) {
  pen.fillStyle = theme.lane;
  pen.fillRect(0, floor, width, DRUMS);
  pen.fillStyle = theme.bar;
  pen.fillRect(0, floor, width, 1);
}

/** Lines of beats, and of bars with their numbers, as far as there is a tempo. */
function bars(pen, { width, height, start, span, sense, theme }, { x }) {
  if (!sense?.tempo || sense.origin === null || sense.origin === undefined) return;
  const beat = 60 / sense.tempo;
  const close = (beat / span) * width < 14;
  pen.font = `10px ${theme.font}`;
  pen.textBaseline = "top";
  for (let n = Math.ceil((start - sense.origin) / beat); ; n++) {
    const at = sense.origin + n * beat;
    if (at > start + span) break;
    const isBar = n % sense.meter === 0;
    if (!isBar && close) continue;
    const left = Math.round(x(at));
    pen.fillStyle = isBar ? theme.bar : theme.line;
    pen.fillRect(left, 0, 1, height);
  }
}

function block(pen, view, { x, y, row }, note) {
  const { now, theme } = view;
  const end = note.end ?? Math.max(now, note.start + BRIEF);
  const left = x(note.start);
  const width = Math.max(3, x(end) - left - 1);
  const height = Math.min(16, Math.max(3, row * 0.84));
  const top = y(note.pitch) - height / 2;
  const sounds = note.start <= now && end >= now;
  pen.fillStyle = colourOf(note.who, note.channel, theme.tone);
  if (sounds) {
    pen.globalAlpha = 0.22;
    rounded(pen, left - 3, top - 3, width + 6, height + 6, 6);
  }
  pen.globalAlpha = sounds ? 1 : 0.5 + 0.45 * (note.velocity / 127);
  rounded(pen, left, top, width, height, Math.min(3, height / 2));
  pen.globalAlpha = 1;
}

/** Strokes of drums: the lower the drum, the lower in the lane; the louder, the larger. */
function hits(pen, view, { x, floor }) {
  for (const note of view.notes) {
    if (!isDrum(view, note)) continue;
    const size = 2.5 + (note.velocity / 127) * 4;
    const top = floor + DRUMS - 9 - ((Math.min(59, Math.max(35, note.pitch)) - 35) / 24) * (DRUMS - 18);
    pen.fillStyle = colourOf(note.who, note.channel, view.theme.tone);
    pen.globalAlpha = note.start > view.now - 0.12 ? 1 : 0.7;
    pen.beginPath();
    pen.arc(x(note.start), top, size, 0, 2 * Math.PI);
    pen.fill();
  }
  pen.globalAlpha = 1;
}

/** What the machine means to play: only its outline, as it may yet change. */
function plan(pen, view, { x, y, row, floor }) {
  const { at, channel, pitch } = view.plan;
  const height = Math.min(16, Math.max(5, row * 0.84));
  const top = isDrum(view, view.plan) ? floor + DRUMS / 2 - height / 2 : y(pitch) - height / 2;
  const left = x(Math.max(at, view.now));
  const width = Math.max(14, (0.3 / view.span) * view.width);
  pen.strokeStyle = pen.fillStyle = colourOf("it", channel, view.theme.tone);
  pen.globalAlpha = 0.16;
  rounded(pen, left, top, width, height, 3);
  pen.globalAlpha = 0.7;
  pen.setLineDash([3, 3]);
  pen.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

function nowLine(pen, { height, now, sense, theme }, { x }) {
  const left = Math.round(x(now));
  pen.fillStyle = sense?.playing ? theme.it : theme.you;
  pen.globalAlpha = 0.1;
  pen.fillRect(left - 4, 0, 9, height);
  pen.globalAlpha = 0.9;
  pen.fillRect(left, 0, 1.5, height);
  pen.globalAlpha = 1;
}

/** The past fades at the left, where the names of the Cs are. */
function fadeLeft(pen, { width, height, theme, low, high }, { y }) {
  const reach = Math.min(90, width * 0.14);
  const fade = pen.createLinearGradient(0, 0, reach, 0);
  fade.addColorStop(0.3, theme.paper);
  fade.addColorStop(1, theme.clear);
  pen.fillStyle = fade;
  pen.fillRect(0, 0, reach, height);
  pen.fillStyle = theme.faint;
  pen.font = `10px ${theme.font}`;
  pen.textBaseline = "middle";
  for (let pitch = Math.ceil(low / 12) * 12; pitch <= high; pitch += 12) {
    if (y(pitch) > 8) pen.fillText(pitchName(pitch), 10, y(pitch));
  }
}

function rounded(pen, left, top, width, height, radius) {
  pen.beginPath();
  pen.roundRect(left, top, width, height, radius);
  pen.fill();
}
