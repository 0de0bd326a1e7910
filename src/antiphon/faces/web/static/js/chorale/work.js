/** Having the choir work on the score: what is asked, how far it is, what came of it. */

import { history as played } from "../history.js";
import { jam } from "../jam.js";
import * as choir from "./choir.js";
import { desk } from "./desk.js";
import { BAR, made, NAMES, octavesInto, plain, put, within } from "./lines.js";
import { lastPhrase } from "./phrase.js";

const QUARTET = NAMES.length;
const MOST_BARS = 32;

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
    this.#stop = new AbortController();
    this.#is(0, WORKING[verb]);
    try {
      const answer = await choir.sing(
        { ...order, seed: this.seed, temperature: this.temperature, gibbs: this.gibbs },
        { signal: this.#stop.signal, tell: (share) => this.#is(share, this.said) },
      );
      const lines = answer.lines.map((line, voice) => made(line, desk.lines[voice]));
      desk.replace(lines, order.steps / BAR);
      this.#is(null, [`${DONE[verb]} with seed ${this.seed}`, answer.remark].filter(Boolean).join("; "));
    } catch (error) {
      const isWanted = error.name !== "AbortError";
      this.#is(null, isWanted ? error.message : "Given up.", { isComplaint: isWanted });
    }
  }

  /** The choir is to stop at once. */
  cancel() {
    this.#stop?.abort();
  }

  /** Open a MIDI file. */
  async open(file) {
    await this.#attempt(async () => {
      const { steps, lines, tempo, remarks } = await choir.read(file);
      desk.replace(
        lines.map((line) => made(line).map((note) => ({ ...note, drawn: true }))),
        steps / BAR,
      );
      desk.choose({ bars: null, tempo });
      return [`${file.name} is open`, ...remarks].join("; ");
    });
  }

  /** The score as a MIDI file, as a `Blob`; null when there is none. */
  async file() {
    let blob = null;
    await this.#attempt(async () => {
      const { steps, tempo, program } = desk;
      blob = await choir.midi({ steps, tempo, program, lines: desk.lines.map(plain) });
      return "The MIDI file is on its way.";
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
    const bars = Math.min(MOST_BARS, Math.max(desk.score.bars, Math.ceil(end / BAR)));
    const moved = phrase.line.map((note) => ({ ...note, at: note.at + from, pitch: note.pitch + shift }));
    const lines = desk.lines.slice(0, QUARTET);
    lines[desk.voice] = within(moved, 0, bars * BAR).reduce(put, lines[desk.voice]);
    desk.replace(lines, bars);
    desk.choose({ tempo: phrase.tempo });
    const count = `${phrase.line.length} ${phrase.line.length === 1 ? "note" : "notes"}`;
    this.#is(null, `${count} taken as the ${NAMES[desk.voice]}${shift ? `, ${Math.abs(shift / 12)} octave(s) ${shift > 0 ? "higher" : "lower"}` : ""}`);
  }

  #order(verb) {
    const quartet = desk.lines.slice(0, QUARTET);
    const free = [...NAMES.keys()].filter((voice) => !desk.locked.has(voice));
    const order = { verb, steps: desk.steps };
    if (verb === "write") return order;
    if (verb === "harmonize") return { ...order, voice: melodyOf(quartet), lines: given(quartet) };
    const lines = quartet.map(plain);
    if (verb === "complete") return { ...order, lines, voices: free, bars: desk.bars };
    if (verb === "revoice") return { ...order, lines, voices: free, passes: this.passes };
    return { ...order, lines };
  }

  async #attempt(deed) {
    try {
      this.#is(null, await deed());
    } catch (error) {
      this.#is(null, error.message, { isComplaint: true });
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
