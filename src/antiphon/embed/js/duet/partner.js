/** The partner: plans its next note, plans again when it hears something, and plays what is still true in time. */

import { NothingPossible, range } from "../antiphon.js";
import { Alarm, TIME } from "./clock.js";

/** The visitor's instrument: a piano. */
export const YOU = 0;

const AHEAD = 0.03; // seconds before its time at which a note is handed to the sound
const REACH = 2; // seconds that it looks ahead
const AGAIN = 0.05; // seconds after which it thinks again, where the visitor did not play what was expected
const TOGETHER = 0.02; // seconds within which its note sounds together with the visitor's, which does not change it
const ROOM = 2; // seconds without a note of its own for which it leaves room, where it has played less than its share
const RALLY = 0.5; // seconds within which it then plays
const BEHIND = 0.25; // seconds by which it hears late at most: on a slow machine notes that come too thick go unheard
const QUICK = 0.01; // seconds that a thought takes on a machine that need not think ahead
const SLOW = 1; // seconds that it thinks ahead at most
const THOUGHTS = 12; // which tell how long one takes
const PATIENCE = 6; // seconds of silence after which it rests
const REMEMBERED = 24; // notes over which shares are counted
const COUNTED = 40; // events over which it says how long one takes

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Says "note" with an event that it plays, "rest" when it begins to wait for the visitor, "failed" with an error. */
export class Partner extends EventTarget {
  #model;
  #time;
  #alarm;
  #heard = 0; // changes with every event of the visitor
  #silenced = 0; // changes with every silence
  #lastHeard = -Infinity;
  #unheard = []; // times of the visitor's events that the model has yet to hear
  #missed = new Set(); // pitches that the visitor holds and the model never hears
  #visitorHolds = new Set();
  #sounding = new Map(); // "instrument pitch" -> event, of its own
  #struck = -Infinity; // when it last struck a note, or began to listen
  #recent = Array(REMEMBERED).fill(false); // whose the last notes were: true for its own
  #thoughts = []; // seconds each
  #costs = [];
  #notBefore = 0; // the visitor, who was expected, let that time pass
  #isResting = true;
  /** Its instrument, a program of General MIDI other than the visitor's. */
  instrument = 48;
  /** How much of the music is its own, 0 to 1. */
  share = 0.5;
  /** The lowest and the highest pitch that it plays. */
  compass = [43, 88];

  /**
   * @param {import("../antiphon.js").Antiphon} model
   * @param {typeof TIME} [time] whose seconds the times of events are
   */
  constructor(model, time = TIME) {
    super();
    this.#model = model;
    this.#time = time;
    this.#alarm = new Alarm(time);
    this.#play().catch((error) => this.#fail(error));
  }

  get isResting() {
    return this.#isResting;
  }

  /** The pitches that it has struck and not yet released. */
  get sounding() {
    return [...this.#sounding.values()].map(({ pitch }) => pitch);
  }

  /** Milliseconds that an event takes, drawn and heard: the median of the last ones. */
  get cost() {
    return median(this.#costs);
  }

  /** Hear the visitor. */
  hear(event) {
    if (this.#isResting) this.#struck = event.at;
    this.#isResting = false;
    this.#tell(event);
    this.#lastHeard = event.at;
    if (event.velocity) this.#visitorHolds.add(event.pitch);
    else this.#visitorHolds.delete(event.pitch);
    this.#remember(event, false);
    this.#heard++;
    this.#alarm.ring();
  }

  /** End its notes now, and rest until the visitor plays again. */
  silence() {
    this.#silenced++; // whatever it plans is dropped
    this.#isResting = true;
    for (const { instrument, pitch } of [...this.#sounding.values()]) {
      this.#perform({ at: this.#time.now(), instrument, pitch, velocity: 0 });
    }
    this.#alarm.ring();
  }

  async #play() {
    for (;;) {
      if (this.#isResting) {
        this.dispatchEvent(new Event("rest"));
        await this.#alarm.until();
        continue;
      }
      const plan = await this.#think();
      if (!plan.event) await this.#giveUp(plan);
      else if (await this.#comesTrue(plan)) await this.#carryOut(plan);
    }
  }

  async #think() {
    const [heard, silenced, isOwed] = [this.#heard, this.#silenced, this.#isOwed()];
    const began = this.#time.now();
    const event = await this.#next(Math.max(began + this.#ahead(), this.#notBefore), isOwed);
    const thought = this.#time.now() - began;
    this.#thoughts = [...this.#thoughts, thought].slice(-THOUGHTS);
    return { event, heard, silenced, isOwed, thought };
  }

  /** Nothing may come next. */
  async #giveUp(plan) {
    if (this.#isDone()) this.#isResting = true;
    else if (this.#holds(plan)) await this.#alarm.until(this.#time.now() + AGAIN);
  }

  /** Wait for the plan's time; false as soon as it holds no longer. It was never played, so there is nothing to undo. */
  async #comesTrue(plan) {
    const { at, instrument } = plan.event;
    const due = at - (instrument === YOU ? 0 : AHEAD);
    while (this.#holds(plan) && this.#time.now() < due) await this.#alarm.until(due);
    return this.#holds(plan);
  }

  async #carryOut({ event, thought }) {
    if (event.instrument === YOU) {
      this.#notBefore = event.at + AGAIN;
      return;
    }
    const played = this.#time.now();
    await this.#perform({ ...event, at: Math.max(event.at, played) });
    this.#costs = [...this.#costs, 1000 * (thought + this.#time.now() - played)].slice(-COUNTED);
  }

  /** Whether a plan is still to be carried out. What the visitor plays ends it, unless it is owed or too close. */
  #holds({ event, heard, silenced, isOwed }) {
    if (silenced !== this.#silenced) return false;
    if (heard === this.#heard) return true;
    return event !== null && event.instrument !== YOU && (isOwed || this.#isSoon(event));
  }

  /** What comes next as far as it can tell; null where nothing may. */
  async #next(earliest, isOwed) {
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
    for (const { instrument } of this.#sounding.values()) voices[instrument] ??= { mayStart: false, maxLength: 2.5 };
    if (!isAlone && !isOwed) voices[YOU] = {};
    const constraints = {
      voices,
      earliest,
      latest: earliest + (isOwed ? RALLY : REACH),
      steer: { pitch: { topP: 0.92 }, time: { topP: 0.97 } },
      weights: { [this.instrument]: Math.exp(clamp(2 * this.#missing(), -12, 24)) },
    };
    try {
      return await this.#model.sample(constraints);
    } catch (error) {
      if (error instanceof NothingPossible) return null;
      throw error;
    }
  }

  /** Notes that it should have played besides, of the last ones. */
  #missing() {
    return this.share * REMEMBERED - this.#recent.filter(Boolean).length;
  }

  /**
   * Whether the next note must be its own. A model that has long heard nobody but the visitor expects nobody else,
   * however its odds are weighted.
   */
  #isOwed() {
    return this.#missing() > 0 && this.#time.now() - this.#struck > ROOM && !this.#isDone();
  }

  /** Whether an event is due before anything better could be thought of, now that the visitor has played. */
  #isSoon({ at }) {
    return at <= this.#lastHeard + Math.max(this.#ahead(), TOGETHER);
  }

  /** Seconds that a thought takes, where they can be noticed. */
  #ahead() {
    const thought = median(this.#thoughts) ?? 0;
    return thought > QUICK ? Math.min(thought, SLOW) : 0;
  }

  /** Whether the visitor has stopped, so that it only ends what sounds. */
  #isDone() {
    return this.#visitorHolds.size === 0 && this.#time.now() - this.#lastHeard > PATIENCE;
  }

  /** Tell the model what the visitor did, but for notes that begin while it is too far behind. */
  #tell(event) {
    const isBehind = this.#time.now() - this.#unheard[0] > BEHIND;
    const isMissed = event.velocity ? isBehind : this.#missed.has(event.pitch);
    if (event.velocity && isMissed) this.#missed.add(event.pitch);
    else this.#missed.delete(event.pitch);
    if (!isMissed) this.#feed(event);
  }

  #feed(event) {
    this.#unheard.push(event.at);
    this.#model.feed(event).then(
      () => this.#unheard.shift(),
      (error) => this.#fail(error),
    );
  }

  #perform(event) {
    const key = `${event.instrument} ${event.pitch}`;
    if (event.velocity) {
      this.#sounding.set(key, event);
      this.#struck = event.at;
    } else {
      this.#sounding.delete(key);
    }
    this.#remember(event, true);
    this.dispatchEvent(new CustomEvent("note", { detail: event }));
    return this.#model.feed(event);
  }

  #remember({ velocity }, own) {
    if (velocity) this.#recent = [...this.#recent.slice(1), own];
  }

  #fail(error) {
    this.silence();
    this.dispatchEvent(new CustomEvent("failed", { detail: error }));
  }
}
