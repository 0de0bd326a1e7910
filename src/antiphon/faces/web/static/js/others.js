/** What the player plays elsewhere, on another page or in the terminal, sounds here as well. */

import { hands } from "./hands.js";
import { jam } from "./jam.js";
import { sound } from "./sound.js";

/** Milliseconds within which the jam tells of what was played here. */
const OWN = 600;

class Others {
  #own = new Map(); // "pitch on" -> when it was last played here
  #sounding = new Map(); // "channel pitch" -> [channel, pitch] as it sounds

  constructor() {
    hands.addEventListener("played", ({ detail: [status, pitch, velocity] }) => {
      if ((status & 0xe0) === 0x80) this.#own.set(named(pitch, (status & 0xf0) === 0x90 && velocity > 0), performance.now());
    });
    jam.on("note", (note) => note.who === "you" && this.#hear(note));
    jam.on("silence", () => this.#sounding.clear());
    jam.on("link", ({ is }) => is === "closed" && this.#sounding.clear());
  }

  #hear({ channel, pitch, velocity }) {
    const key = `${channel} ${pitch}`;
    const held = this.#sounding.get(key);
    if (held) sound.play([0x80 | (held[0] - 1), held[1], 0]);
    this.#sounding.delete(key);
    const own = this.#own.get(named(pitch, velocity > 0)) ?? -Infinity;
    if (velocity === 0 || performance.now() - own < OWN) return;
    const [, out, pitches, fixed] = jam.latest("thru")?.routes.find((route) => route[1] === jam.strip(channel)?.out) ?? [];
    const as = pitches ? pitches[pitch] : pitch;
    if (out === undefined || as < 0) return;
    sound.play([0x90 | (out - 1), as, fixed || velocity]);
    this.#sounding.set(key, [out, as]);
  }
}

const named = (pitch, isOn) => `${pitch} ${isOn}`;

new Others();
