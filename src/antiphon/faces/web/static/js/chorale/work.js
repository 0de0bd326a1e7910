/** Having the choir work on the score: what is asked, how far it is, what came of it. */

import { history as played } from "../history.js";
import { jam } from "../jam.js";
import * as choir from "./choir.js";
import { desk } from "./desk.js";
import { made, NAMES, octavesInto, plain, put, within } from "./lines.js";
import { lastPhrase } from "./phrase.js";

const QUARTET = NAMES.length;

/** Events: `change` when work begins, goes on or ends. */
class Work extends EventTarget {
  #stop = null;
  /** The share that is done, or null while nothing is made. */
  share = null;
  /** What there is to say, and whether it is a complaint. */
  said = "";
  isComplaint = false;
  temperature = 0.9;
  gibbs = null;
  passes = 1;
  seed = fresh();
  isFresh = true;

  get isBusy() {
    return this.share !== null;
  }

  /** Have the choir do `verb`. */
  async ask(verb) {
    if (this.isBusy) return;
    const order = this.#order(verb);
    if (this.isFresh) this.seed = fresh();
    await this.#attempt(WORKING[verb], async (signal) => {
      const answer = await choir.sing(
        { ...order, seed: this.seed, temperature: this.temperature, gibbs: this.gibbs },
        { signal, tell: (share) => this.#is(share, this.said) },
      );
      const lines = answer.lines.map((line, voice) => made(line, desk.lines[voice]));
      desk.replace(lines, order);
      return [`${DONE[verb]} with seed ${this.seed}`, answer.remark];
    });
  }

  /** The choir is to stop at once. */
  cancel() {
    this.#stop?.abort();
  }

  /** Open a file of music. */
  async open(file) {
    if (this.isBusy) return;
    await this.#attempt(`Opening ${file.name} …`, async (signal) => {
      const { lines, tempo, remarks, ...sheet } = await choir.read(file, signal);
      desk.replace(
        lines.map((line) => made(line).map((note) => ({ ...note, drawn: true }))),
        sheet,
      );
      desk.choose({ bars: null, tempo, cursor: { ...desk.cursor, at: 0 } });
      return [`${file.name} is open`, ...remarks];
    });
  }

  /** The score as a file of a kind, `midi` or `musicxml`, as a `Blob`; null when there is none. */
  async file(kind) {
    if (this.isBusy) return null;
    let blob = null;
    await this.#attempt("Writing the file …", async (signal) => {
      const { steps, meters, tempo, program } = desk;
      blob = await choir.file(kind, { steps, meters, tempo, program, lines: desk.lines.map(plain) }, signal);
      return ["The file is on its way."];
    });
    return blob;
  }

  /** Take the last phrase that `who` (`you` or `it`) played, from the cursor on, as the chosen voice. */
  take(who) {
    const phrase = lastPhrase(played.notes, who, jam.clock.now, ({ channel }) => jam.strip(channel)?.drums);
    if (!phrase) return this.#is(null, who === "you" ? "You have not played anything yet." : "It has not played anything yet.", { isComplaint: true });
    const from = desk.cursor.at;
    const shift = octavesInto(phrase.line, desk.voice);
    const end = from + Math.max(...phrase.line.map(({ at, length }) => at + length));
    const sheet = desk.reaching(end);
    const moved = phrase.line.map((note) => ({ ...note, at: note.at + from, pitch: note.pitch + shift }));
    const lines = desk.lines.slice(0, QUARTET);
    lines[desk.voice] = within(moved, 0, sheet.steps).reduce(put, lines[desk.voice]);
    desk.replace(lines, sheet);
    desk.choose({ tempo: phrase.tempo });
    const count = `${phrase.line.length} ${phrase.line.length === 1 ? "note" : "notes"}`;
    this.#is(null, `${count} taken as the ${NAMES[desk.voice]}${shift ? `, ${Math.abs(shift / 12)} octave(s) ${shift > 0 ? "higher" : "lower"}` : ""}`);
  }

  #order(verb) {
    const quartet = desk.lines.slice(0, QUARTET);
    const free = [...NAMES.keys()].filter((voice) => !desk.locked.has(voice));
    const order = { verb, steps: desk.steps, meters: desk.meters };
    if (verb === "write") return order;
    if (verb === "harmonize") return { ...order, voice: melodyOf(quartet), lines: given(quartet) };
    const lines = quartet.map(plain);
    if (verb === "complete") return { ...order, lines, voices: free, bars: desk.bars };
    if (verb === "revoice") return { ...order, lines, voices: free, passes: this.passes };
    return { ...order, lines };
  }

  /** Do something that may be given up, and say what it says in the end. */
  async #attempt(what, deed) {
    this.#stop = new AbortController();
    this.#is(0, what);
    try {
      const said = await deed(this.#stop.signal);
      this.#is(null, said.filter(Boolean).join("; "));
    } catch (error) {
      const isWanted = error.name !== "AbortError";
      this.#is(null, isWanted ? error.message : "Given up.", { isComplaint: isWanted });
    }
  }

  #is(share, said, { isComplaint = false } = {}) {
    Object.assign(this, { share, said, isComplaint });
    this.dispatchEvent(new Event("change"));
  }
}

/** What a harmony is made around: what was drawn, and voices that are locked. */
function given(quartet) {
  return quartet.map((line, voice) => plain(desk.locked.has(voice) ? line : line.filter(({ drawn }) => drawn)));
}

/** The voice whose rests stay rests: the one of which most is given, the chosen one before others. */
function melodyOf(quartet) {
  const lengths = given(quartet).map((line) => line.reduce((sum, [, length]) => sum + length, 0));
  const most = Math.max(...lengths);
  return lengths[desk.voice] === most ? desk.voice : lengths.indexOf(most);
}

const fresh = () => Math.floor(Math.random() * 1_000_000);

const WORKING = {
  write: "Writing …",
  harmonize: "Harmonising …",
  complete: "Completing …",
  revoice: "Singing each voice anew …",
  stack: "Stacking to sixteen voices …",
};
const DONE = {
  write: "Written",
  harmonize: "Harmonised",
  complete: "Completed",
  revoice: "Sung anew",
  stack: "Stacked",
};

export const work = new Work();
