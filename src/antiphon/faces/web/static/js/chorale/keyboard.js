/** Writing with the computer keyboard, while the score has the focus: arrows move, letters are the piano's. */

import { KEYS, typing } from "../typing.js";
import { desk } from "./desk.js";
import { fitted, NAMES, noteAt, put, RANGES, without } from "./lines.js";
import { player } from "./player.js";

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** What a key does. True when it does something, so that it does nothing else. `toggle` plays or stops. */
export function key(event, toggle) {
  const command = event.ctrlKey || event.metaKey;
  if (event.altKey) return false;
  if (command) return travelled(event);
  if (event.code === "Space") return toggle(), true;
  const step = KEYS.get(event.code);
  if (step !== undefined) return enter(typing.base + step), true;
  const deed = DEEDS[event.key];
  if (!deed) return false;
  deed(event.shiftKey);
  return true;
}

/** Undo or redo, if that is what a key asks for. */
export function travelled({ code, shiftKey, ctrlKey, metaKey }) {
  if (!ctrlKey && !metaKey) return false;
  if (code === "KeyZ") shiftKey ? desk.redo() : desk.undo();
  else if (code === "KeyY") desk.redo();
  else return false;
  return true;
}

const DEEDS = {
  ArrowLeft: (withShift) => (withShift ? stretch(-1) : travel(-1)),
  ArrowRight: (withShift) => (withShift ? stretch(1) : travel(1)),
  ArrowUp: (withShift) => climb(withShift ? 12 : 1),
  ArrowDown: (withShift) => climb(withShift ? -12 : -1),
  PageUp: () => change(-1),
  PageDown: () => change(1),
  Home: () => go(0),
  End: () => go(desk.snapped(desk.steps - 1)),
  Enter: () => enter(desk.cursor.pitch, { stays: true }),
  Delete: () => erase(),
  Backspace: () => (noteHere() ? erase() : (go(noteAt(desk.line, desk.cursor.at - 1)?.at ?? before()), erase())),
};

const noteHere = () => noteAt(desk.line, desk.cursor.at);
const before = () => desk.snapped(Math.max(0, desk.cursor.at - 1));

function go(at) {
  const place = clamp(at, 0, desk.steps - 1);
  const pitch = noteAt(desk.line, place)?.pitch ?? desk.cursor.pitch;
  desk.choose({ cursor: { at: place, pitch } });
}

/** A place on, or back where `way` is -1. */
function travel(way) {
  const { at } = desk.cursor;
  go(way < 0 ? before() : Math.min(desk.snapped(at) + desk.gridAt(at), desk.measureAt(at).end));
  const note = noteHere();
  if (note) player.taste(note.pitch, desk.voice);
}

/** Move the note that is here, or the cursor where there is none, by semitones. */
function climb(semitones) {
  const note = noteHere();
  const pitch = clamp((note?.pitch ?? desk.cursor.pitch) + semitones, 0, 127);
  if (note) desk.write(put(without(desk.line, note), { ...note, pitch, drawn: true }));
  desk.choose({ cursor: { at: desk.cursor.at, pitch } });
  player.taste(pitch, desk.voice);
}

function stretch(way) {
  const note = noteHere();
  if (!note) return;
  const length = clamp(note.length + way * desk.gridAt(note.at), 1, desk.steps - note.at);
  desk.write(put(without(desk.line, note), { ...note, length, drawn: true }));
}

function change(by) {
  const voice = clamp(desk.voice + by, 0, NAMES.length - 1);
  desk.choose({ voice });
  const [low, high] = RANGES[voice];
  const pitch = noteHere()?.pitch ?? (desk.cursor.pitch < low || desk.cursor.pitch > high ? Math.round((low + high) / 2) : desk.cursor.pitch);
  desk.choose({ cursor: { at: desk.cursor.at, pitch } });
}

/** A note here; then on to the next place, unless it `stays`. */
function enter(wanted, { stays = false } = {}) {
  const pitch = stays ? wanted : fitted(wanted, desk.voice);
  const { at } = desk.cursor;
  desk.put({ at, length: Math.min(desk.length, desk.steps - at), pitch, drawn: true });
  player.taste(pitch, desk.voice);
  desk.choose({ cursor: { at: stays ? at : Math.min(at + desk.length, desk.steps - 1), pitch } });
}

function erase() {
  const note = noteHere();
  if (note) desk.erase(note);
}

const COUNTED = {
  1: "a sixteenth",
  2: "an eighth",
  3: "a dotted eighth",
  4: "a quarter",
  6: "a dotted quarter",
  8: "a half",
  12: "a dotted half",
  16: "a whole",
  24: "a dotted whole",
};

/** Where the cursor is and what is there, for those who hear it. */
export function spokenCursor(pitchName) {
  const { at, pitch } = desk.cursor;
  const note = noteHere();
  const bar = desk.measureAt(at);
  const beat = ((at - bar.line) / bar.beat + 1).toFixed(2).replace(/\.?0+$/, "");
  const what = note ? `${pitchName(note.pitch)}, ${COUNTED[note.length] ?? `${note.length} sixteenths`}` : `nothing; at ${pitchName(pitch)}`;
  return `${NAMES[desk.voice]}, ${bar.number ? `bar ${bar.number}` : "upbeat,"} beat ${beat}: ${what}`;
}
