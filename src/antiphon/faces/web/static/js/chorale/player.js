/**
 * Playing the chorale on channels of its own, beside the jam's. A note's end is sent together with its beginning, so that
 * it comes whatever becomes of the page's clocks.
 */

import { sound } from "../sound.js";
import { desk } from "./desk.js";
import { BEAT, endOf, NAMES } from "./lines.js";

/** Seconds ahead for which notes are sent: a page that is not seen is woken once a second. */
const AHEAD = 1.3;
const PACE = 150;
/** Seconds between the press and the first note. */
const SOON = 0.12;
const TASTE = 0.4;
const [OFF, ON, CONTROL, PROGRAM, BEND] = [0x80, 0x90, 0xb0, 0xc0, 0xe0];
/** Pitch bend that changes nothing, and cents that the whole of it is from there. */
const [STRAIGHT, REACH] = [8192, 200];
const [VOLUME, PAN] = [7, 10];
const PANS = [44, 58, 70, 84];
const QUARTET = NAMES.length;
const [LOUD, SOFT] = [76, 54];
/** What is left of a note's length, so that a repeated one is heard anew. */
const GAP = 0.02;

/** Events: `change` when it begins or ends. */
class Player extends EventTarget {
  #timer = 0;
  #origin = 0; // seconds of performance.now() at which step 0 would be
  #sent = 0; // the step up to which notes were sent
  #start = 0;
  isPlaying = false;

  constructor() {
    super();
    desk.addEventListener("choice", () => this.#setUp());
    sound.addEventListener("silence", () => this.isPlaying && this.stop());
  }

  /** Seconds of a sixteenth. */
  get #step() {
    return 60 / desk.tempo / BEAT;
  }

  /** The step that sounds now. */
  get at() {
    return Math.max(this.#start, (performance.now() / 1000 - this.#origin) / this.#step);
  }

  /** Play from step `from` on. */
  async play(from = 0) {
    if (this.isPlaying) this.stop();
    this.isPlaying = true;
    this.dispatchEvent(new Event("change"));
    await sound.awake();
    if (!this.isPlaying) return;
    this.#setUp();
    this.tempo = desk.tempo;
    this.#start = this.#sent = from;
    this.#origin = performance.now() / 1000 + SOON - from * this.#step;
    this.#timer = setInterval(() => this.#send(), PACE);
    this.#send();
  }

  /** Stop: what sounds ends, and what was sent is forgotten. */
  stop() {
    clearInterval(this.#timer);
    this.isPlaying = false;
    sound.hush();
    this.dispatchEvent(new Event("change"));
  }

  /** Let a pitch of a voice be heard. */
  taste(pitch, voice) {
    if (this.isPlaying) return;
    this.#setUp();
    this.#strike(voice, pitch, LOUD, performance.now() / 1000, TASTE);
  }

  #send() {
    if (this.tempo !== desk.tempo) this.#turn();
    const until = (performance.now() / 1000 + AHEAD - this.#origin) / this.#step;
    const velocity = desk.isStacked ? SOFT : LOUD;
    desk.lines.forEach((line, voice) => {
      for (const { at, length, pitch } of line) {
        if (at < this.#sent || at >= until) continue;
        this.#strike(voice, pitch, velocity, this.#origin + at * this.#step, Math.max(length * this.#step - GAP, GAP));
      }
    });
    this.#sent = Math.max(this.#sent, until);
    if (this.at >= Math.max(0, ...desk.lines.flat().map(endOf))) this.stop();
  }

  /** The tempo was changed: go on from here at the new one. */
  #turn() {
    const now = performance.now() / 1000;
    const at = Math.max(this.#start, ((now - this.#origin) * this.tempo * BEAT) / 60);
    sound.hush();
    this.tempo = desk.tempo;
    this.#start = at;
    this.#sent = Math.ceil(at);
    this.#origin = now - at * this.#step;
  }

  #strike(voice, pitch, velocity, at, lasts) {
    const bend = Math.round(STRAIGHT * (1 + desk.tuning[(pitch - desk.tonic + 12) % 12] / REACH));
    sound.playAt([BEND | voice % 16, bend & 127, bend >> 7], at, { choir: true });
    sound.playAt([ON | voice % 16, pitch, velocity], at, { choir: true });
    sound.playAt([OFF | voice % 16, pitch, 0], at + lasts, { choir: true });
  }

  /** Each voice has a channel: its sound, its place and whether it is heard. */
  #setUp() {
    for (let channel = 0; channel < 16; channel++) {
      const voice = channel % QUARTET;
      sound.play([PROGRAM | channel, desk.program], { choir: true });
      sound.play([CONTROL | channel, PAN, PANS[voice]], { choir: true });
      sound.play([CONTROL | channel, VOLUME, desk.isHeard(voice) ? 100 : 0], { choir: true });
    }
  }
}

export const player = new Player();
