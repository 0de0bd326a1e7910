/** The choir, which is at the other end of POST: it is given a score and answers with one. */

const LARGEST_FILE = 1 << 20;

/**
 * Have an order carried out (see `chorale_orders.py`). `tell` is given the share that is done. Gives
 * `{ lines, remark }`; throws an `Error` of one line, or an `AbortError` when `signal` says that it is no longer wanted.
 */
export async function sing(order, { signal, tell }) {
  const answer = await posted("/chorale", JSON.stringify(order), { signal, type: "application/json" });
  for await (const line of linesOf(answer.body)) {
    const said = JSON.parse(line);
    if (said.t === "made") return said;
    if (said.t === "refused") throw new Error(said.why);
    tell(said.step / said.steps);
  }
  throw new Error("the choir was cut off");
}

/** The score of a file of music: `{ steps, meters, lines, tempo, remarks }`. */
export async function read(file, signal) {
  if (file.size > LARGEST_FILE) throw new Error(`${file.name} is larger than ${LARGEST_FILE >> 20} MiB`);
  const address = `/chorale/read?name=${encodeURIComponent(file.name)}`;
  const answer = await posted(address, file, { signal, type: "application/octet-stream" });
  const { t, ...score } = await answer.json();
  return score;
}

/** A file, `midi` or `musicxml`, as a `Blob`, of `{ steps, meters, lines, tempo, program }`. */
export async function file(kind, paper, signal) {
  const answer = await posted(`/chorale/${kind}`, JSON.stringify(paper), { signal, type: "application/json" });
  return answer.blob();
}

/** Tunings by name: the cents by which each of the twelve keys from the tonic up is higher than in equal temperament. */
export async function tunings() {
  const answer = await fetch(addressed("/chorale/tunings"));
  return answer.ok ? answer.json() : {};
}

/** An address of the jam's, with the token that this page came with. */
function addressed(path) {
  const address = new URL(path, location.href);
  for (const [name, value] of new URLSearchParams(location.search)) address.searchParams.set(name, value);
  return address;
}

async function posted(path, body, { signal, type }) {
  let answer;
  try {
    answer = await fetch(addressed(path), { method: "POST", body, signal, headers: { "content-type": type } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the jam cannot be reached");
  }
  if (!answer.ok) throw new Error((await answer.text()).trim() || `the choir says ${answer.status}`);
  return answer;
}

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    yield* lines;
  }
  if (rest) yield rest;
}
