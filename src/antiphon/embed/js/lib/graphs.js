/** The graphs of a model on ONNX Runtime: one step of its body, the logits of one field. */

import { DECAYS, FEATURES, FIELDS, SIZES, TICK, TIME_LAST } from "./stream.js";

const FORMAT = "antiphon-web-1";
const CODEC = { name: "stream", tick: TICK, sizes: SIZES, time_last: TIME_LAST, decays: DECAYS };
const REPLAYED = 8; // reference events on opening; `verify` replays all
const LIMIT = 1e-3; // logits
const LARGEST = 2 ** 26; // numbers of state

/** A model that cannot be used, in one line that says why. */
export class BundleError extends Error {
  name = "BundleError";
}

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

function crc32(bytes) {
  let rest = ~0;
  for (const byte of bytes) rest = CRC[(rest ^ byte) & 255] ^ (rest >>> 8);
  return ~rest >>> 0;
}

export class Graphs {
  #ort;
  #sessions = {};
  #vectors;
  /** What `bundle.json` says: name, precision, validation, lineage, state. */
  about;

  /**
   * Open a model. Nothing of it is used before sizes and checksums were found right.
   * @param {object} ort the module onnxruntime-web
   * @param {(name: string) => Promise<Uint8Array>} read the bytes of one of the model's files
   */
  static async open(ort, read) {
    const graphs = new Graphs();
    graphs.#ort = ort;
    try {
      await graphs.#open(read);
      await graphs.verify(REPLAYED);
    } catch (error) {
      throw error instanceof BundleError ? error : new BundleError(`the model cannot be used: ${error.message}`);
    }
    return graphs;
  }

  async #open(read) {
    const text = new TextDecoder();
    this.about = JSON.parse(text.decode(await read("bundle.json")));
    const { format, codec, files, state } = this.about;
    if (format !== FORMAT) throw new BundleError(`the model's format is ${format}, and not ${FORMAT}`);
    if (!isSame(codec, CODEC)) throw new BundleError("the model was made for another codec");
    const elements = Object.values(state).map(countOf).reduce((a, b) => a + b, 0);
    if (!(elements <= LARGEST)) throw new BundleError(`a state of ${elements} numbers is not one that plays live`);
    const bytes = {};
    for (const [name, wanted] of Object.entries(files)) {
      bytes[name] = await read(name);
      if (bytes[name].length !== wanted.bytes || crc32(bytes[name]) !== wanted.crc32) {
        throw new BundleError(`${name} is damaged: its size or checksum differs`);
      }
    }
    this.#vectors = JSON.parse(text.decode(bytes["vectors.json"]));
    const shared = [{ path: "heads.bin", data: bytes["heads.bin"] }];
    for (const name of ["body", ...FIELDS]) {
      this.#sessions[name] = await this.#ort.InferenceSession.create(bytes[`${name}.onnx`], {
        executionProviders: ["wasm"],
        externalData: name === "body" ? [] : shared,
        // Weights of eight bits become floats once, here, and not at every event.
        extra: { session: { disable_quant_qdq: "1" } },
      });
    }
  }

  /** The state before anything was heard: numbers by name. */
  initial() {
    return Object.fromEntries(
      Object.entries(this.about.state).map(([name, shape]) => [name, new Float32Array(countOf(shape))]),
    );
  }

  /** One step of the body: what the heads need, and the next state. */
  async hear(code, begin, sounding, state) {
    const shapes = Object.entries(this.about.state);
    const feeds = { code: this.#code(code), begin: this.#floats([begin], [1, 1]), sounding: this.#floats(sounding) };
    for (const [name, shape] of shapes) feeds[name] = this.#floats(state[name], shape);
    const answer = await this.#sessions.body.run(feeds);
    return {
      base: answer.base.data,
      state: Object.fromEntries(shapes.map(([name]) => [name, answer[`next_${name}`].data])),
    };
  }

  /** Logits of one field, given the `known` fields of `code`. */
  async logits(field, base, code, known, sounding) {
    const feeds = {
      base: this.#floats(base),
      codes: this.#code(code),
      known: this.#floats(known),
      sounding: this.#floats(sounding),
    };
    const answer = await this.#sessions[FIELDS[field]].run(feeds);
    return answer[FIELDS[field]].data;
  }

  /**
   * Replay the reference vectors, all or the first few.
   * @returns {Promise<number>} the largest difference of a logit; rejects with BundleError when it is not small
   */
  async verify(events = Infinity) {
    let state = this.initial();
    let code = [0, 0, 0, 0];
    let worst = this.#vectors.length ? 0 : NaN;
    for (const [t, vector] of this.#vectors.slice(0, events).entries()) {
      const sounding = new Float32Array(FEATURES);
      for (const [place, value] of vector.sounding) sounding[place] = value;
      const heard = await this.hear(code, t === 0, sounding, state);
      ({ state } = heard);
      ({ code } = vector);
      let place = 0;
      for (const field of FIELDS.keys()) {
        const logits = await this.logits(field, heard.base, code, vector.known[field], sounding);
        for (const logit of logits) worst = Math.max(worst, Math.abs(logit - vector.logits[place++])); // keeps NaN
      }
    }
    if (!(worst <= LIMIT)) throw new BundleError(`the model gives other answers here than where it was made (${worst})`);
    return worst;
  }

  #floats(values, shape = [1, values.length]) {
    return new this.#ort.Tensor("float32", values instanceof Float32Array ? values : Float32Array.from(values), shape);
  }

  #code(code) {
    return new this.#ort.Tensor("int64", BigInt64Array.from(code, BigInt), [1, code.length]);
  }
}

const countOf = (shape) => shape.reduce((a, b) => a * b, 1);

function isSame(a, b) {
  if (typeof a !== "object" || a === null || b === null) return a === b;
  const names = Object.keys(b);
  return Object.keys(a).length === names.length && names.every((name) => isSame(a[name], b[name]));
}
