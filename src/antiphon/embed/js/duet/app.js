/** A duet with whoever visits the page: brings its parts together. */

import { Antiphon } from "../antiphon.js";
import { Hands } from "./hands.js";
import { Partner, YOU } from "./partner.js";
import { Piano } from "./piano.js";
import { Roll } from "./roll.js";
import { INSTRUMENTS, Sound } from "./sound.js";

const COMPASS = { 32: [28, 55], 11: [53, 89], 73: [60, 93] }; // others play where they like
const byId = (id) => document.getElementById(id);

const sound = new Sound();
const hands = new Hands();
const piano = new Piano(byId("piano"), hands);
const roll = new Roll(byId("roll"));
let partner = null;

/** For those who look behind the page, tests among them. */
globalThis.duet = { sound, hands, roll, played: [] };

for (const gesture of ["keydown", "pointerdown", "pointerup", "touchend"]) {
  addEventListener(gesture, () => sound.start(), { capture: true, passive: true });
}

function play(who, event) {
  sound.play(event);
  roll.add(who, event);
  piano.show(who, event.pitch, event.velocity > 0);
  globalThis.duet.played.push(event);
  if (globalThis.duet.played.length > 1000) globalThis.duet.played.shift();
}

hands.addEventListener("played", ({ detail }) => {
  play("you", detail);
  partner?.hear(detail);
  byId("begin").hidden = true;
});

/** Nobody can be seen to let go of a key any more: everything ends. */
function silence() {
  hands.releaseAll();
  partner?.silence();
  sound.silence();
}

addEventListener("blur", silence);
addEventListener("pagehide", silence);
document.addEventListener("visibilitychange", () => document.hidden && silence());
byId("stop").addEventListener("click", silence);

byId("volume").addEventListener("input", ({ target }) => sound.setLevel(Number(target.value)));
byId("lower").addEventListener("click", () => piano.shift(-1));
byId("higher").addEventListener("click", () => piano.shift(1));
byId("midi").hidden = !navigator.requestMIDIAccess;
byId("midi").addEventListener("click", async () => {
  try {
    tellKeyboards(await hands.listen());
  } catch {
    byId("midi").textContent = "MIDI was not allowed";
  }
});
hands.addEventListener("keyboards", ({ detail }) => tellKeyboards(detail));

function tellKeyboards(names) {
  byId("midi").textContent = names.length ? names.join(", ") : "no MIDI keyboard yet";
}

for (const [program, { name }] of Object.entries(INSTRUMENTS)) {
  if (Number(program) !== YOU) byId("instrument").append(new Option(name, program));
}
byId("instrument").value = 48;

function invite(model) {
  partner = new Partner(model);
  globalThis.duet.partner = partner;
  globalThis.duet.model = model;
  const choose = () => {
    partner.instrument = Number(byId("instrument").value);
    partner.compass = COMPASS[partner.instrument] ?? [43, 88];
    byId("instrument").blur(); // letters are music again
  };
  const share = () => (partner.share = Number(byId("share").value));
  byId("instrument").addEventListener("change", choose);
  byId("share").addEventListener("input", share);
  choose();
  share();
  partner.addEventListener("note", ({ detail }) => {
    play("it", detail);
    if (partner.cost) byId("cost").textContent = `${partner.cost.toFixed(1)} ms an event`;
  });
  partner.addEventListener("failed", ({ detail }) => fail(detail));
}

function fail(error) {
  byId("begin").hidden = false;
  byId("begin").classList.add("failed");
  byId("begin").textContent = error.message;
}

try {
  const model = await Antiphon.open({ base: new URL("./", document.baseURI), files: globalThis.antiphonFiles });
  const { name, parameters, precision } = model.about;
  byId("model").textContent = `${name} · ${(parameters / 1e6).toFixed(1)} M parameters, ${precision}`;
  byId("begin").textContent = "Play a note: a letter, a key, or a MIDI keyboard.";
  byId("begin").classList.add("ready");
  invite(model);
} catch (error) {
  fail(error);
}
