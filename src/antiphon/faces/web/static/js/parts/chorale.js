/** The chorale: a score of four voices to draw in, a choir that does the rest, and what plays it. */

import "./chorale-grid.js";
import { tunings } from "../chorale/choir.js";
import { desk } from "../chorale/desk.js";
import { travelled } from "../chorale/keyboard.js";
import { NAMES } from "../chorale/lines.js";
import { player } from "../chorale/player.js";
import { work } from "../chorale/work.js";
import { h, isWriting, titled } from "../dom.js";
import { pitchName } from "../music.js";
import { meterChoices } from "./chorale-meter.js";
import { choice, number, pressed, segments } from "./chorale-widgets.js";

const VERBS = [
  ["write", "Write", "A chorale from nothing, as long as the score is"],
  ["harmonize", "Harmonise", "Voices around what you have drawn, which stays to the letter"],
  ["complete", "Complete", "Fill the silences; or make the chosen bars anew, but for voices that are locked"],
  ["revoice", "Revoice", "Each voice in turn is sung anew against the others, but for those that are locked"],
  ["stack", "Stack to 16", "Sixteen voices: four quartets over one bass"],
];
const UNITS = [
  [1, "1/16"],
  [2, "1/8"],
  [4, "1/4"],
  [8, "1/2"],
  [16, "1"],
];
const SOUNDS = [
  [19, "Organ"],
  [52, "Choir"],
  [48, "Strings"],
  [0, "Piano"],
  [6, "Harpsichord"],
  [73, "Flutes"],
  [60, "Horns"],
];
const KINDS = ".mid,.midi,.musicxml,.mxl,.xml,.abc,.krn,.kern";
const ZOOMS = [1, 1.5, 2, 3, 4];

class Chorale extends HTMLElement {
  #grid = document.createElement("antiphon-chorale-grid");

  connectedCallback() {
    this.replaceChildren(this.#verbs(), this.#news(), this.#voices(), this.#grid, this.#tools(), this.#transport(), this.#ways(), this.#options());
    this.#grid.addEventListener("toggle", () => this.#toggle());
    work.addEventListener("change", () => (this.#grid.isBusy = work.isBusy));
    this.addEventListener("dragover", (event) => event.preventDefault());
    this.addEventListener("drop", (event) => this.#drop(event));
    addEventListener("keydown", (event) => {
      if (!this.checkVisibility() || work.isBusy || event.defaultPrevented || isWriting(event.target)) return;
      if (travelled(event)) event.preventDefault();
    });
    document.addEventListener("antiphon-panel", ({ detail }) => {
      if (detail !== this.closest("section").id && player.isPlaying) player.stop();
    });
  }

  #verbs() {
    const buttons = VERBS.map(([verb, name, help]) =>
      h("button", { type: "button", textContent: name, title: help, "data-verb": verb, onclick: () => work.ask(verb) }),
    );
    const show = () => {
      for (const button of buttons) button.disabled = work.isBusy || (button.dataset.verb !== "write" && desk.isEmpty);
    };
    follow(show, work, desk);
    return h("div", { className: "verbs", role: "group", "aria-label": "The choir" }, ...buttons, this.#play());
  }

  /** How far the choir is and what came of it. */
  #news() {
    const bar = h("progress", { max: 1, "aria-label": "How far the choir is" });
    const cancel = h("button", { type: "button", textContent: "Cancel", onclick: () => work.cancel() });
    const text = h("span", { className: "said" });
    const box = h("p", { className: "news", role: "status" }, text, bar, cancel);
    const show = () => {
      bar.hidden = cancel.hidden = !work.isBusy;
      if (work.isBusy && work.share > 0) bar.value = work.share;
      else bar.removeAttribute("value");
      text.textContent = work.said || (desk.isEmpty ? "Draw a melody and let it be harmonised; or let a chorale be written." : "");
      box.classList.toggle("complaint", work.isComplaint);
    };
    follow(show, work, desk);
    return box;
  }

  #voices() {
    const rows = NAMES.map((name, voice) => {
      const pick = h("input", { type: "radio", name: "chorale-voice", onchange: () => desk.choose({ voice }) });
      const shown = () => (pick.checked = desk.voice === voice);
      follow(shown, desk);
      const toggles = [
        ["locked", "L", `Lock the ${name}: keep it as it is`],
        ["muted", "M", `Mute the ${name}`],
        ["solo", "S", `Only the ${name}`],
      ].map(([set, label, help]) => pressed(label, help, () => desk[set].has(voice), () => desk.toggle(set, voice)));
      return h("div", { className: `voice ${name}` }, h("label", {}, pick, h("i", { ariaHidden: "true" }), titled(name)), ...toggles);
    });
    return h("div", { className: "voices", role: "radiogroup", "aria-label": "The voice that is drawn" }, ...rows);
  }

  #tools() {
    const units = segments("Length of new notes", UNITS, () => desk.unit, (unit) => desk.choose({ unit }));
    const erase = pressed("Erase", "Erase what is touched; the right button of the mouse does, too", () => desk.tool === "erase", () =>
      desk.choose({ tool: desk.tool === "erase" ? "draw" : "erase" }),
    );
    const undo = h("button", { type: "button", textContent: "↶", title: "Undo (Ctrl+Z)", ariaLabel: "Undo", onclick: () => desk.undo() });
    const redo = h("button", { type: "button", textContent: "↷", title: "Redo (Ctrl+Shift+Z)", ariaLabel: "Redo", onclick: () => desk.redo() });
    const clear = h("button", { type: "button", textContent: "Clear", title: "Erase the chosen bars, or everything, but for voices that are locked" });
    clear.onclick = () => desk.clear();
    const show = () => {
      undo.disabled = work.isBusy || !desk.canUndo;
      redo.disabled = work.isBusy || !desk.canRedo;
      clear.disabled = work.isBusy || desk.isEmpty;
    };
    follow(show, desk, work);
    const dotted = pressed("dot", "Dotted: new notes are half as long again", () => desk.isDotted, () => desk.choose({ isDotted: !desk.isDotted }));
    const bars = number("Bars", { min: 1, max: 999 }, () => desk.measures.at(-1).number, (value) => desk.setBars(value), desk);
    return h("div", { className: "tools" }, units, dotted, erase, h("span", { className: "pair" }, undo, redo), clear, bars, ...meterChoices(), this.#sight());
  }

  /** How the score is looked at. */
  #sight() {
    const grid = this.#grid;
    const look = (change) => () => {
      change();
      grid.refresh();
      box.dispatchEvent(new Event("look"));
    };
    const zoom = (by) => look(() => (grid.zoom = ZOOMS[Math.min(ZOOMS.length - 1, Math.max(0, ZOOMS.indexOf(grid.zoom) + by))]));
    const box = h("span", { className: "sight", role: "group", "aria-label": "View" });
    const near = pressed("One voice", "Show the chosen voice's range only, larger", () => grid.isNear, look(() => (grid.isNear = !grid.isNear)), box);
    const wide = pressed("⤢", "Let the score take the whole page", () => this.classList.contains("wide"), look(() => this.classList.toggle("wide")), box);
    wide.className = "wider";
    box.append(
      h("button", { type: "button", textContent: "−", ariaLabel: "Narrower", title: "Narrower", onclick: zoom(-1) }),
      h("button", { type: "button", textContent: "+", ariaLabel: "Wider", title: "Wider", onclick: zoom(1) }),
      near,
      wide,
    );
    return box;
  }

  #play() {
    const play = h("button", { type: "button", className: "play", onclick: () => this.#toggle() });
    const show = () => {
      play.textContent = player.isPlaying ? "■ Stop" : "▶ Play";
      play.disabled = desk.isEmpty && !player.isPlaying;
    };
    follow(show, player, desk);
    return play;
  }

  #transport() {
    const tempo = number("Tempo", { min: 20, max: 300 }, () => Math.round(desk.tempo), (value) => desk.choose({ tempo: value }), desk);
    const program = choice("Sound", SOUNDS, () => desk.program, (value) => desk.choose({ program: value }));
    return h("div", { className: "transport" }, tempo, program, ...this.#tuning());
  }

  /** The tuning it is played in, and the note on which that is. */
  #tuning() {
    const [names, tonics] = [h("select", { "aria-label": "Tuning" }), h("select", { "aria-label": "Tonic" })];
    const known = new Map();
    const turn = () => desk.choose({ tuning: known.get(names.value) ?? Array(12).fill(0), tonic: Number(tonics.value) });
    names.onchange = tonics.onchange = turn;
    const option = (value, text) => h("option", { value: String(value), textContent: text });
    tonics.replaceChildren(...[...Array(12).keys()].map((pitch) => option(pitch, pitchName(pitch).replace(/-1$/, ""))));
    names.replaceChildren(option("equal", "equal"));
    tunings().then((found) => {
      for (const [name, cents] of Object.entries(found)) known.set(name, cents);
      names.replaceChildren(...[...new Set(["equal", ...known.keys()])].map((name) => option(name, name)));
    });
    const titled = (text, select) => h("label", { className: "number" }, h("span", { textContent: text }), select);
    return [titled("Tuning", names), titled("on", tonics)];
  }

  /** The ways in and out. */
  #ways() {
    const file = h("input", { type: "file", accept: KINDS, hidden: true, ariaLabel: "A file of music", onchange: () => this.#open(file) });
    const button = (text, help, onclick) => h("button", { type: "button", textContent: text, title: help, onclick });
    const outs = [
      button("Save MIDI", "The score as a MIDI file, a track a voice", () => this.#save("midi", "mid")),
      button("Save MusicXML", "The score as notation, a staff a voice", () => this.#save("musicxml", "musicxml")),
    ];
    const ins = [
      button("Take what I played", "The last phrase that you played here, as the chosen voice, from the cursor on", () => work.take("you")),
      button("Take what it played", "The last phrase that Antiphon played, as the chosen voice, from the cursor on", () => work.take("it")),
      button("Open …", "MIDI, MusicXML, ABC or kern: a melody, or up to four voices, each a part; it can be dropped here as well", () => file.click()),
    ];
    const show = () => {
      for (const each of ins) each.disabled = work.isBusy;
      for (const each of outs) each.disabled = work.isBusy || desk.isEmpty;
    };
    follow(show, desk, work);
    return h("div", { className: "ways" }, ...ins, ...outs, file);
  }

  #options() {
    const temperature = number("Temperature", { min: 0, max: 2, step: 0.05, title: "Lower is safer" }, () => work.temperature, (value) => (work.temperature = value));
    const gibbs = number("Steps", { min: 1, max: 1024, placeholder: "auto", title: "Of sampling; by default as many as suit the cells that are free" }, () => work.gibbs, (value) => (work.gibbs = value));
    const passes = number("Passes", { min: 1, max: 16, title: "How often each voice has its turn in Revoice" }, () => work.passes, (value) => (work.passes = value ?? 1));
    const seed = number("Seed", { min: 0, max: 2 ** 53 - 1, title: "The same seed gives the same music" }, () => work.seed, (value) => {
      work.seed = value ?? 0;
      work.isFresh = fresh.firstChild.checked = false;
    }, work);
    const fresh = h("label", { className: "fresh" }, h("input", { type: "checkbox", checked: true }), "a fresh one each time");
    fresh.firstChild.onchange = () => (work.isFresh = fresh.firstChild.checked);
    return h("details", { className: "options" }, h("summary", { textContent: "Options" }), h("div", {}, temperature, gibbs, passes, seed, fresh));
  }

  #toggle() {
    if (player.isPlaying) player.stop();
    else if (!desk.isEmpty) player.play(desk.span[0]);
  }

  #drop(event) {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file && !work.isBusy) work.open(file);
  }

  #open(input) {
    const [file] = input.files;
    if (file) work.open(file);
    input.value = "";
  }

  async #save(kind, suffix) {
    const blob = await work.file(kind);
    if (!blob) return;
    const address = URL.createObjectURL(blob);
    h("a", { href: address, download: `chorale.${suffix}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }
}

/** Do `show` now and whenever one of `whom` tells of something. */
function follow(show, ...whom) {
  for (const each of whom) for (const kind of ["change", "score", "choice"]) each.addEventListener(kind, show);
  show();
}

customElements.define("antiphon-chorale", Chorale);
