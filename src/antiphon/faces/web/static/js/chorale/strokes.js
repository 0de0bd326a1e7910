/** Drawing with a mouse, a pen or a finger: what a press, a drag and a release do to the notes of a voice. */

import { desk } from "./desk.js";
import { NAMES, noteAt, put, without } from "./lines.js";
import { player } from "./player.js";

/** Pixels at a note's end by which it is made longer or shorter. */
const EDGE = 7;

export class Strokes {
  #hold = null; // { kind, note, voice, rest, offset }: what the pointer holds
  #tasted = null;

  /** A press at `{ step, pitch, x, endX(note) }`. `erases`: whatever the tool is. */
  press(point, { erases = false } = {}) {
    const found = this.found(point);
    if (erases || desk.tool === "erase") return this.#begin("erase", found);
    if (found) {
      if (found.voice !== desk.voice) desk.choose({ voice: found.voice });
      const isEdge = point.endX(found.note) - point.x < EDGE && found.note.length * point.column > 3 * EDGE;
      this.#begin(isEdge ? "stretch" : "move", found, point.step - found.note.at);
    } else {
      const at = desk.snapped(point.step);
      const note = { at, length: Math.min(desk.length, desk.steps - at), pitch: point.pitch, drawn: true };
      this.#begin("draw", { note, voice: desk.voice });
    }
    this.drag(point);
  }

  drag(point) {
    const hold = this.#hold;
    if (!hold) return;
    if (hold.kind === "erase") return this.#rub(point);
    const note = this.#dragged(hold, point);
    desk.sketch(put(hold.rest, note), hold.voice);
    desk.choose({ cursor: { at: note.at, pitch: note.pitch } });
    if (this.#tasted !== note.pitch) player.taste((this.#tasted = note.pitch), hold.voice);
  }

  /** Let go: all that was done since the press is one step of undoing. `takesBack`: none of it is. */
  release({ takesBack = false } = {}) {
    if (this.#hold && takesBack) desk.sketch(this.#hold.line, this.#hold.voice);
    if (this.#hold) desk.settle();
    this.#hold = this.#tasted = null;
  }

  /** The note at a point: of the chosen voice if one of its is there, else of any. */
  found({ step, pitch }) {
    const voices = [desk.voice, ...[...NAMES.keys()].filter((voice) => voice !== desk.voice)];
    for (const voice of voices) {
      const note = noteAt(desk.lines[voice], step);
      if (note?.pitch === pitch) return { note, voice };
    }
    return null;
  }

  #begin(kind, found, offset = 0) {
    const voice = found?.voice ?? desk.voice;
    const line = desk.lines[voice];
    this.#hold = { kind, voice, line, offset, note: found?.note, rest: found ? without(line, found.note) : line };
    this.#tasted = null;
    if (kind === "erase" && found) desk.sketch(this.#hold.rest, voice);
  }

  #dragged({ kind, note, offset }, { step, pitch }) {
    const [grid, start] = [desk.gridAt(step), desk.snapped(step)];
    const reach = Math.min(start + grid, desk.measureAt(step).end);
    if (kind === "stretch") {
      return { ...note, length: Math.max(1, Math.min(Math.max(reach, note.at + 1), desk.steps) - note.at), drawn: true };
    }
    if (kind === "draw") {
      const length = Math.min(Math.max(note.length, reach - note.at), desk.steps - note.at);
      return { ...note, length, pitch };
    }
    const moved = Math.round((step - offset - note.at) / grid) * grid;
    const at = Math.min(Math.max(0, note.at + moved), desk.steps - note.length);
    const isSame = at === note.at && pitch === note.pitch;
    return { ...note, at, pitch, drawn: note.drawn || !isSame };
  }

  /** Erase the chosen voice's notes that the pointer meets. */
  #rub({ step, pitch }) {
    const note = noteAt(desk.lines[this.#hold.voice], step);
    if (note?.pitch === pitch) desk.sketch(without(desk.lines[this.#hold.voice], note), this.#hold.voice);
  }
}
