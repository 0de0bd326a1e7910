/** The model: carries a bundle's state, is fed events, draws the next one field by field. */

import { Choices } from "./choices.js";
import { complete } from "./constraints.js";
import { draw, indices, probabilities } from "./draw.js";
import { FIELDS, INSTRUMENT, Ledger, PITCH, TIME, VELOCITY, checkEvent, tickOf, timeBin } from "./stream.js";

/**
 * Everything that a model remembers, as plain data: it can be sent to another thread or kept in a database.
 * @typedef {object} Snapshot
 * @property {[number, number, number][]} notes what sounds: instrument, pitch, onset in seconds
 * @property {number | null} tick of the last event
 * @property {number} at seconds of the last event
 * @property {Float32Array} base
 * @property {Object<string, Float32Array>} state
 */

/**
 * A model over one stream of events. Calls are answered in the order in which they were made, so none needs to be
 * awaited before the next. `graphs` answers `initial()`, `hear(code, begin, sounding, state)` and `logits(field, base,
 * code, known, sounding)` as `Graphs` of `graphs.js` does.
 */
export class Model {
  #graphs;
  #turn;
  #ledger;
  #tick;
  #at;
  #sounding;
  #base;
  #state;

  constructor(graphs) {
    this.#graphs = graphs;
    this.#turn = this.#begin();
    this.#turn.catch(() => {}); // whoever asks first is told
  }

  /** Remember nothing, as when it was opened. */
  reset() {
    return this.#next(() => this.#begin());
  }

  /**
   * Hear an event, anyone's. A release of what does not sound is ignored; striking a sounding key first releases it.
   * What comes late counts as simultaneous with the last event. Rejects with a RangeError, and changes nothing, for
   * an event that is none.
   * @param {import("./stream.js").Event} event
   * @returns {Promise<void>}
   */
  feed({ at, instrument, pitch, velocity }) {
    return this.#next(async () => {
      checkEvent({ at, instrument, pitch, velocity });
      if (this.#ledger.has(instrument, pitch)) {
        if (velocity) await this.#hear({ at, instrument, pitch, velocity: 0 });
      } else if (!velocity) {
        return;
      }
      await this.#hear({ at, instrument, pitch, velocity });
    });
  }

  /**
   * Draw the next event, which is not yet fed. Rejects with NothingPossible when the constraints leave none.
   * @param {import("./constraints.js").Constraints} constraints
   * @param {() => number} [random] numbers from 0 to 1, without 1: one for each field with more than one possible
   *   value, in the order of the fields, then one for the place within the bin of time where there is room
   * @returns {Promise<import("./stream.js").Event>}
   */
  sample(constraints, random = Math.random) {
    return this.#next(() => this.#draw(complete(constraints), random));
  }

  /** @returns {Promise<Snapshot>} all that is remembered */
  snapshot() {
    return this.#next(() => {
      const state = Object.fromEntries(Object.entries(this.#state).map(([name, numbers]) => [name, numbers.slice()]));
      return { notes: this.#ledger.notes(), tick: this.#tick, at: this.#at, base: this.#base.slice(), state };
    });
  }

  /**
   * Remember just what was remembered when the snapshot was taken.
   * @param {Snapshot} snapshot
   * @returns {Promise<void>}
   */
  restore({ notes, tick, at, base, state }) {
    return this.#next(() => {
      const own = Object.entries(this.#graphs.initial());
      const isOwn = own.every(([name, numbers]) => state[name]?.length === numbers.length);
      if (!isOwn || base.length !== this.#base.length) throw new TypeError("the snapshot is of another model");
      this.#ledger = new Ledger(notes);
      [this.#tick, this.#at, this.#base] = [tick, at, base.slice()];
      this.#state = Object.fromEntries(own.map(([name]) => [name, state[name].slice()]));
      this.#sounding = this.#ledger.features(Number.isFinite(at) ? at : 0);
    });
  }

  /** Do `work` when all that was asked for before is done. */
  #next(work) {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #begin() {
    [this.#ledger, this.#tick, this.#at] = [new Ledger(), null, -Infinity];
    this.#sounding = this.#ledger.features(0);
    await this.#step([0, 0, 0, 0], true, this.#graphs.initial());
  }

  async #hear(event) {
    const at = Math.max(event.at, this.#at);
    const tick = tickOf(at);
    const code = [event.instrument, event.pitch, timeBin(this.#tick === null ? 0 : tick - this.#tick), event.velocity];
    [this.#tick, this.#at] = [tick, at];
    this.#ledger.apply({ ...event, at });
    this.#sounding = this.#ledger.features(at);
    await this.#step(code, false, this.#state);
  }

  async #step(code, begin, state) {
    ({ base: this.#base, state: this.#state } = await this.#graphs.hear(code, begin, this.#sounding, state));
  }

  async #draw(constraints, random) {
    const choices = new Choices(constraints, this.#ledger, this.#at, this.#tick);
    const code = [0, 0, 0, 0];
    const known = [0, 0, 0, 0];
    for (const [name, value] of Object.entries(constraints.fixed)) {
      const field = FIELDS.indexOf(name);
      code[field] = field === TIME ? timeBin(tickOf(value) - choices.tick) : value;
      known[field] = 1;
    }
    for (const name of constraints.order) {
      const field = FIELDS.indexOf(name);
      if (name in constraints.fixed) continue;
      const mask = choices.mask(field);
      const allowed = indices(mask);
      let [value] = allowed;
      if (allowed.length > 1) {
        const logits = await this.#graphs.logits(field, this.#base, code, known, this.#sounding);
        value = draw(steered(field, logits, mask, code, known, constraints), random());
      }
      choices.keep(field, value);
      [code[field], known[field]] = [value, 1];
    }
    return choices.event(code, random);
  }
}

const oddsOf = (weight) => Math.log(Math.max(weight, 1e-9));

/** The distribution of one field. Steering of pitch and velocity is about onsets: releases keep their odds. */
function steered(field, logits, mask, code, known, { steer, weights, onsetWeight }) {
  const own = steer[FIELDS[field]];
  const isRelease = known[VELOCITY] && code[VELOCITY] === 0;
  if (field === PITCH && isRelease) return probabilities(logits, mask);
  if (field === INSTRUMENT && Object.keys(weights).length && !isRelease) {
    const weighted = Float64Array.from(logits);
    for (const [instrument, weight] of Object.entries(weights)) weighted[instrument] += oddsOf(weight);
    return probabilities(weighted, mask, own);
  }
  if (field !== VELOCITY || !mask[0] || !mask.includes(1, 1)) return probabilities(logits, mask, own);
  const weighted = Float64Array.from(logits, (logit, velocity) => (velocity ? logit + oddsOf(onsetWeight) : logit));
  const [silent] = probabilities(weighted, mask);
  const onsets = mask.slice();
  onsets[0] = 0;
  const p = probabilities(logits, onsets, own).map((chance) => (1 - silent) * chance);
  p[0] = silent;
  return p;
}
