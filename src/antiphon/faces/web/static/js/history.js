/** What was played and is about to be, for pictures. */

import { jam } from "./jam.js";

/** Seconds that are remembered. */
const REMEMBERED = 40;

class History {
  /** `{ who, channel, pitch, velocity, start, end }` by start; `end` is null while the key is down. */
  notes = [];
  /** What the machine means to play next, or null. */
  plan = null;
  #open = new Map();

  constructor() {
    jam.on("note", (note) => this.#take(note));
    jam.on("plan", ({ note }) => (this.plan = note));
    jam.on("silence", () => this.#endAll());
    jam.on("link", () => this.#endAll());
  }

  /** Notes that sound at `now`, as seconds of the jam's clock. */
  sounding(now) {
    const from = this.notes.length - 256;
    return this.notes.filter(({ start, end }, place) => place >= from && start <= now && (end === null || end > now));
  }

  /** How active `who` is at `now`, 0 to 1: their notes by loudness, each dying away within a second. */
  activity(who, now) {
    let sum = 0;
    for (let place = this.notes.length - 1; place >= 0 && place >= this.notes.length - 64; place--) {
      const note = this.notes[place];
      const age = now - note.start;
      if (note.who === who && age >= 0 && age < 2) sum += (note.velocity / 127) * Math.exp(-age / 0.45);
    }
    return 1 - Math.exp(-sum / 1.6);
  }

  #take({ who, at, channel, pitch, velocity }) {
    const key = `${who} ${channel} ${pitch}`;
    const open = this.#open.get(key);
    if (open) {
      open.end = Math.max(at, open.start + 0.02);
      this.#open.delete(key);
    }
    if (velocity === 0) return;
    const note = { who, channel: channel ?? 1, pitch, velocity, start: at, end: null };
    this.#open.set(key, note);
    let place = this.notes.length;
    while (place > 0 && this.notes[place - 1].start > at) place--;
    this.notes.splice(place, 0, note);
    if (this.notes.length > 64 && this.notes[32].start < at - REMEMBERED) this.notes.splice(0, 32);
  }

  /** Everything was silenced: what was still to come never does. */
  #endAll() {
    const now = jam.clock.now;
    this.notes = this.notes.filter(({ start }) => start <= now);
    for (const note of this.#open.values()) note.end ??= now;
    this.#open.clear();
    this.plan = null;
  }
}

export const history = new History();
