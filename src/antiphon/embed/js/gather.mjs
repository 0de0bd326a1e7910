/** After `npm install`: puts what a browser needs of onnxruntime-web into `ort/`. The rest may then be removed. */

import { copyFile, mkdir } from "node:fs/promises";

const FILES = ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"];

await mkdir("ort", { recursive: true });
for (const name of FILES) await copyFile(`node_modules/onnxruntime-web/dist/${name}`, `ort/${name}`);
