/** The thread of the model: answers the calls of `antiphon.js`, one after another. */

import { BundleError, Graphs } from "./lib/graphs.js";
import { Model } from "./lib/model.js";

const RUNTIME = "ort/ort.wasm.bundle.min.mjs";
const WASM = "ort/ort-wasm-simd-threaded.wasm";

let model = null;
let graphs = null;

const PACKED = "data:application/gzip;base64,";

async function bytesOf(address) {
  // A page in a single file holds the others compressed.
  if (address.startsWith(PACKED)) return unpacked(atob(address.slice(PACKED.length)));
  const answer = await fetch(address);
  if (!answer.ok) throw new BundleError(`${address} cannot be had (${answer.status})`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function unpacked(characters) {
  const compressed = new Blob([Uint8Array.from(characters, (character) => character.charCodeAt(0))]);
  const whole = compressed.stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(whole).arrayBuffer());
}

async function runtime(address) {
  try {
    const ort = await import(address(RUNTIME));
    ort.env.logLevel = "error";
    ort.env.wasm.numThreads = 1; // more need a page that is isolated from all others
    ort.env.wasm.wasmBinary = (await bytesOf(address(WASM))).buffer;
    return ort;
  } catch (error) {
    throw new BundleError(`onnxruntime-web is not beside the model: run \`npm install\` there (${error.message})`);
  }
}

const calls = {
  async open(base, files) {
    const address = (name) => files[name] ?? new URL(name, base).href;
    graphs = await Graphs.open(await runtime(address), (name) => bytesOf(address(`model/${name}`)));
    model = new Model(graphs);
    await model.reset();
    return graphs.about;
  },
  feed: (event) => model.feed(event),
  async sample(constraints, numbers) {
    let used = 0;
    const event = await model.sample(constraints, () => numbers[used++]);
    return { event, used };
  },
  snapshot: () => model.snapshot(),
  restore: (snapshot) => model.restore(snapshot),
  reset: () => model.reset(),
  verify: () => graphs.verify(),
};

onmessage = async ({ data: { id, call, given } }) => {
  try {
    postMessage({ id, value: await calls[call](...given) });
  } catch ({ name, message }) {
    postMessage({ id, failed: { name, message } });
  }
};
