/** The partner: plans its next note, plans again whenever it hears something, and plays what is still true in time. */

import { NothingPossible, range } from "../antiphon.js";
import { Alarm, now } from "./clock.js";

/** The visitor's instrument: a piano. */
export const YOU = 0;

const AHEAD = 0.03; // seconds before its time at which a note is handed to the sound
const REACH = 2; // seconds that it looks ahead
const AGAIN = 0.05; // seconds after which it thinks again, where the visitor did not play what was expected
const OVERTAKEN = 2; // plans in a row that may be out of date when they are ready, on a slow machine; the next is kept
const PATIENCE = 6; // seconds of silence after which it rests
const REMEMBERED = 24; // notes over which shares are counted
const COUNTED = 40; // events over which it says how long one takes

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Says "note" with an event that it plays, "rest" when it begins to wait for the visitor, "failed" with an error. */
export class Partner extends EventTarget {
  #model;
  #alarm = new Alarm();
  #heard = 0; // changes with every event of the visitor
  #silenced = 0; // changes with every silence
  #lastHeard = -Infinity;
  #visitorHolds = new Set();
  #sounding = new Map(); // pitch -> instrument, of its own
  #recent = Array(REMEMBERED).fill(false); // whose the last notes were: true for its own
  #costs = [];
  #isResting = true;
  /** Its instrument, a program of General MIDI other than the visitor's. */
  instrument = 48;
  /** How much of the music is its own, 0 to 1. */
  share = 0.5;
  /** The lowest and the highest pitch that it plays. */
  compass = [43, 88];

  /** @param {import("../antiphon.js").Antiphon} model */
  constructor(model) {
    super();
    this.#model = model;
    this.#play().catch((error) => {
      this.silence();
      this.dispatchEvent(new CustomEvent("failed", { detail: error }));
    });
  }

  get isResting() {
    return this.#isResting;
  }

  /** The pitches that it has struck and not yet released. */
  get sounding() {
    return [...this.#sounding.keys()];
  }

  /** Milliseconds that an event takes, drawn and heard: the median of the last ones. */
  get cost() {
    return this.#costs.toSorted((a, b) => a - b)[this.#costs.length >> 1];
  }

  /** Hear the visitor. */
  hear(event) {
    this.#model.feed(event);
    this.#lastHeard = event.at;
    if (event.velocity) this.#visitorHolds.add(event.pitch);
    else this.#visitorHolds.delete(event.pitch);
    this.#remember(event, false);
    this.#heard++;
    this.#isResting = false;
    this.#alarm.ring();
  }

  /** End its notes now, and rest until the visitor plays again. */
  silence() {
    this.#silenced++; // whatever it plans is dropped
    this.#isResting = true;
    for (const [pitch, instrument] of [...this.#sounding]) {
      this.#perform({ at: now(), instrument, pitch, velocity: 0 });
    }
    this.#alarm.ring();
  }

  async #play() {
    let notBefore = 0;
    let overtaken = 0;
    for (;;) {
      if (this.#isResting) {
        this.dispatchEvent(new Event("rest"));
        await this.#alarm.until();
        continue;
      }
      const [heard, silenced] = [this.#heard, this.#silenced];
      const began = performance.now();
      const event = await this.#next(Math.max(now(), notBefore));
      const cost = performance.now() - began;
      if (silenced !== this.#silenced) continue;
      overtaken = heard === this.#heard ? 0 : overtaken + 1;
      const isKept = overtaken > OVERTAKEN;
      if (overtaken && !isKept) continue; // it was never played, so there is nothing to undo
      if (!event) {
        if (this.#isDone()) this.#isResting = true;
        else await this.#alarm.until(now() + AGAIN);
        continue;
      }
      do await this.#alarm.until(event.at - AHEAD);
      while (isKept && silenced === this.#silenced && now() < event.at - AHEAD);
      if (silenced !== this.#silenced || (heard !== this.#heard && !isKept)) continue;
      overtaken = 0;
      if (event.instrument === YOU) {
        notBefore = event.at + AGAIN;
        await this.#alarm.until(event.at);
        continue;
      }
      const played = performance.now();
      await this.#perform({ ...event, at: Math.max(event.at, now()) });
      this.#costs = [...this.#costs, cost + performance.now() - played].slice(-COUNTED);
    }
  }

  /** What comes next as far as it can tell; null where nothing may. */
  async #next(earliest) {
    const isAlone = this.#isDone();
    const voices = {
      [this.instrument]: {
        pitches: range(...this.compass),
        minVelocity: 35,
        maxVelocity: 100,
        maxPolyphony: 3,
        minLength: 0.08,
        maxLength: 2.5,
        mayStart: !isAlone,
      },
    };
    for (const instrument of this.#sounding.values()) voices[instrument] ??= { mayStart: false, maxLength: 2.5 };
    if (!isAlone) voices[YOU] = {};
    const missing = this.share * REMEMBERED - this.#recent.filter(Boolean).length;
    const constraints = {
      voices,
      earliest,
      latest: earliest + REACH,
      steer: { pitch: { topP: 0.92 }, time: { topP: 0.97 } },
      weights: { [this.instrument]: Math.exp(clamp(2 * missing, -12, 12)) },
    };
    try {
      return await this.#model.sample(constraints);
    } catch (error) {
      if (error instanceof NothingPossible) return null;
      throw error;
    }
  }

  /** Whether the visitor has stopped, so that it only ends what sounds. */
  #isDone() {
    return this.#visitorHolds.size === 0 && now() - this.#lastHeard > PATIENCE;
  }

  #perform(event) {
    if (event.velocity) this.#sounding.set(event.pitch, event.instrument);
    else this.#sounding.delete(event.pitch);
    this.#remember(event, true);
    this.dispatchEvent(new CustomEvent("note", { detail: event }));
    return this.#model.feed(event);
  }

  #remember({ velocity }, own) {
    if (velocity) this.#recent = [...this.#recent.slice(1), own];
  }
}
