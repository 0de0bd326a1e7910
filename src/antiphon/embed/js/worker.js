/** The thread of the model: answers the calls of `antiphon.js`, one after another. */

import { BundleError, Graphs } from "./lib/graphs.js";
import { Model } from "./lib/model.js";

const RUNTIME = "ort/ort.wasm.bundle.min.mjs";
const WASM = "ort/ort-wasm-simd-threaded.wasm";

let model = null;
let graphs = null;

async function bytesOf(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new BundleError(`${address} cannot be had (${answer.status})`);
  // A page in a single file holds the others compressed.
  const isPacked = address.startsWith("data:application/gzip");
  const whole = isPacked ? new Response(answer.body.pipeThrough(new DecompressionStream("gzip"))) : answer;
  return new Uint8Array(await whole.arrayBuffer());
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
