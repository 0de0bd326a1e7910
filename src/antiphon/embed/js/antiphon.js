/**
 * Antiphon in a browser: a trained model of music in a worker of its own, asked by the same few questions as in Python.
 *
 *     import { Antiphon, range } from "./antiphon.js";
 *     const model = await Antiphon.open();
 *     await model.feed({ at: 0, instrument: 0, pitch: 60, velocity: 80 }); // someone strikes middle C on a piano
 *     const voices = { 32: { pitches: range(28, 55), maxPolyphony: 1 } }; // what would a bass do within a second?
 *     const answer = await model.sample({ voices, earliest: 0, latest: 1 });
 *     await model.feed(answer);
 *
 * @typedef {import("./lib/stream.js").Event} Event
 * @typedef {import("./lib/constraints.js").Constraints} Constraints
 * @typedef {import("./lib/constraints.js").Voice} Voice
 * @typedef {import("./lib/draw.js").Steer} Steer
 * @typedef {import("./lib/model.js").Snapshot} Snapshot
 */

import { NothingPossible, range } from "./lib/constraints.js";
import { seeded } from "./lib/draw.js";
import { BundleError } from "./lib/graphs.js";

export { BundleError, NothingPossible, range, seeded };

/** Random numbers that one event can need: its four fields and its place within a bin of time. */
const NUMBERS = 5;
const ERRORS = { NothingPossible, BundleError, RangeError, TypeError };

/** A model in a worker. Calls are answered in the order in which they were made. */
export class Antiphon {
  #worker;
  #waiting = new Map(); // id -> { resolve, reject }
  #last = 0;
  #turn = Promise.resolve();
  #ended = null; // why nothing is answered any more
  #left = new WeakMap(); // random -> numbers that it gave and nobody needed
  /** What is told of the model: name, parameters, precision, validation, lineage. */
  about;

  /**
   * Start a worker and open the model beside this file.
   * @param {object} [options]
   * @param {string | URL} [options.base] the folder of `worker.js`, `model/` and `ort/` (this file's)
   * @param {Object<string, string>} [options.files] addresses of single files that lie elsewhere, by their names there
   * @returns {Promise<Antiphon>} rejects with BundleError, one line, when the model cannot be used
   */
  static async open({ base = new URL(".", import.meta.url), files = {} } = {}) {
    const model = new Antiphon();
    model.#start(files["worker.js"] ?? new URL("worker.js", base));
    try {
      model.about = await model.#ask("open", String(base), files);
    } catch (error) {
      model.close();
      throw error;
    }
    return model;
  }

  /**
   * Hear an event, anyone's. A release of what does not sound is ignored; striking a sounding key first releases it;
   * what comes late counts as simultaneous with the last event. Rejects with a RangeError for an event that is none.
   * @param {Event} event
   * @returns {Promise<void>}
   */
  feed({ at, instrument, pitch, velocity }) {
    return this.#ask("feed", { at, instrument, pitch, velocity });
  }

  /**
   * Draw what may come next; it is played by feeding it. What the constraints forbid has no probability at all.
   * @param {Constraints} constraints
   * @param {() => number} [random] numbers from 0 to 1, without 1; `seeded(seed)` gives the same every time
   * @returns {Promise<Event>} rejects with NothingPossible when the constraints leave none
   */
  sample(constraints, random = Math.random) {
    return this.#inTurn(async () => {
      const numbers = this.#left.get(random) ?? [];
      while (numbers.length < NUMBERS) numbers.push(random());
      this.#left.set(random, numbers);
      const { event, used } = await this.#tell("sample", [plain(constraints), numbers]);
      numbers.splice(0, used);
      return event;
    });
  }

  /**
   * All that is remembered, as plain data.
   * @returns {Promise<Snapshot>}
   */
  snapshot() {
    return this.#ask("snapshot");
  }

  /**
   * Remember just what was remembered when the snapshot was taken.
   * @param {Snapshot} snapshot
   * @returns {Promise<void>}
   */
  restore(snapshot) {
    return this.#ask("restore", snapshot);
  }

  /**
   * Remember nothing, as when it was opened.
   * @returns {Promise<void>}
   */
  reset() {
    return this.#ask("reset");
  }

  /**
   * Replay all reference vectors. What this browser answers is what was answered at export.
   * @returns {Promise<number>} the largest difference of a logit
   */
  verify() {
    return this.#ask("verify");
  }

  /** End the worker. Whoever still waits is told so. */
  close() {
    this.#worker.terminate();
    this.#failAll(new Error("the model was closed"));
  }

  #start(address) {
    this.#worker = new Worker(address, { type: "module" });
    this.#worker.onmessage = ({ data: { id, value, failed } }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (!failed) return resolve(value);
      const kind = ERRORS[failed.name] ?? Error;
      return reject(new kind(failed.message));
    };
    this.#worker.onerror = ({ message }) => {
      this.#failAll(new BundleError(`the worker of the model cannot run${message ? `: ${message}` : ""}`));
    };
  }

  #failAll(error) {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #ask(call, ...given) {
    return this.#inTurn(() => this.#tell(call, given));
  }

  /** Calls wait for each other here, so that random numbers are used in the order in which they were drawn. */
  #inTurn(work) {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  #tell(call, given) {
    return new Promise((resolve, reject) => {
      if (this.#ended) throw this.#ended;
      const id = ++this.#last;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, call, given });
    });
  }
}

/** Constraints that can be sent: whatever can be gone through becomes a list. */
function plain(constraints) {
  const voices = Object.entries(constraints.voices ?? {}).map(([instrument, voice]) => [
    instrument,
    voice.pitches === undefined ? voice : { ...voice, pitches: [...voice.pitches] },
  ]);
  return { ...constraints, voices: Object.fromEntries(voices) };
}
