/** What is about this page alone: the connection, the sound, what is played here, and the word to begin. */

import { h } from "../dom.js";
import { hands } from "../hands.js";
import { jam } from "../jam.js";
import { sound } from "../sound.js";
import { typing } from "../typing.js";
import { devices } from "../devices.js";

/** Whether the jam is there, and the model that plays. */
class Connection extends HTMLElement {
  #over = "";

  connectedCallback() {
    this.setAttribute("role", "status");
    const text = h("span", {});
    this.replaceChildren(h("span", { className: "lamp", ariaHidden: "true" }), text);
    const show = (state, words) => {
      this.dataset.state = state;
      text.textContent = words;
    };
    show("closed", "connecting");
    jam.on("ended", ({ why }) => (this.#over = why));
    jam.on("link", ({ is }) => {
      if (is === "open") this.#over = "";
      if (is === "closed") show("closed", this.#over ? "the jam is over" : "connecting again");
    });
    jam.on("hello", ({ model }) => show("open", model));
    jam.on("model", ({ name }) => show("open", name));
  }
}

/** How quick the machine is: median and 99th centile of what the model took of late, and the way to this page. */
class Quickness extends HTMLElement {
  connectedCallback() {
    this.title = "Median and 99th centile of the last seconds, and the way to this page and back; more under Session";
    jam.on("figures", ({ figures: { wake } }) => {
      const short = (ms) => ms.toFixed(ms < 9.5 ? 1 : 0);
      const model = wake?.count ? [`model ${short(wake.p50_ms)} / ${short(wake.p99_ms)} ms`] : [];
      const page = jam.clock.isSet ? [`page ${short(jam.clock.trip * 1000)} ms`] : [];
      this.textContent = [...model, ...page].join("  ·  ");
    });
  }
}

/** Whether and how loud it sounds here. */
class Volume extends HTMLElement {
  connectedCallback() {
    const button = h("button", { type: "button", className: "speaker", "aria-label": "Sound in this browser" });
    const range = h("input", { type: "range", min: 0, max: 1, step: 0.01, value: sound.level, "aria-label": "Volume" });
    const fill = () => {
      range.style.setProperty("--from", 0);
      range.style.setProperty("--to", range.value);
    };
    range.oninput = () => {
      sound.setLevel(Number(range.value));
      fill();
    };
    button.onclick = () => sound.want(!sound.isWanted);
    const show = () => {
      button.ariaPressed = String(sound.isWanted);
      button.title = sound.failure || (sound.isWanted ? "Sounds here; press to turn off" : "Silent here; press to turn on");
      this.dataset.state = sound.state;
    };
    sound.addEventListener("change", show);
    show();
    fill();
    this.replaceChildren(button, range);
  }
}

/** What the keys here play, where they begin, and how hard they are struck. */
class Keys extends HTMLElement {
  connectedCallback() {
    const voice = h("select", { "aria-label": "Your voice", className: "voice", title: "Your voice: what the keys here play" });
    voice.onchange = () => (hands.channel = Number(voice.value));
    const octave = stepper("octave", (way) => typing.shift(way), "← and → move by octaves");
    const touch = stepper("touch", (way) => typing.press(way), "Shift with ← and → plays softer or louder");
    const pedal = h("button", { type: "button", className: "pedal", textContent: "pedal", title: "The space bar is the pedal" });
    pedal.addEventListener("pointerdown", () => hands.pedal("finger pedal", true));
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      pedal.addEventListener(end, () => hands.pedal("finger pedal", false));
    }
    const showVoices = () => {
      const voices = hands.voices.map(({ strip, channel }) => h("option", { value: channel, textContent: `${strip.channel} ${strip.name}` }));
      voice.replaceChildren(...voices);
      voice.value = hands.channel;
      voice.disabled = voices.length === 0;
    };
    const show = () => {
      octave.show(`C${typing.octave}`);
      touch.show(typing.touch);
    };
    jam.on("strips", showVoices);
    hands.addEventListener("channel", showVoices);
    hands.addEventListener("keys", () => pedal.classList.toggle("on", hands.isPedalDown));
    typing.addEventListener("change", show);
    show();
    this.replaceChildren(voice, pedal, octave.element, touch.element);
  }
}

function stepper(name, step, title) {
  const value = h("output", { className: "value" });
  const button = (way, text, words) => h("button", { type: "button", textContent: text, "aria-label": `${name} ${words}`, onclick: () => step(way) });
  const element = h("div", { className: "stepper", role: "group", "aria-label": name, title });
  element.append(h("span", { className: "label", textContent: name }), button(-1, "−", "down"), value, button(1, "+", "up"));
  return { element, show: (text) => (value.textContent = text) };
}

/** Says how to begin, until sound is on. */
class Begin extends HTMLElement {
  connectedCallback() {
    const title = h("p", { className: "title" });
    const typed = h("span", { className: "typed", textContent: "Two rows of letters are a piano, as the keys below say. " });
    const how = h("p", { className: "how" }, typed, "Mouse, fingers and any MIDI keyboard play as well.");
    const midi = h("button", { type: "button", className: "button", textContent: "Use MIDI devices", onclick: () => devices.ask() });
    const words = {
      loading: "One moment: the sound is coming",
      waiting: "Press any key, or tap, to begin",
    };
    const show = () => {
      const state = sound.state;
      this.hidden = state === "on" || state === "off";
      title.textContent = state === "failed" ? `No sound here: ${sound.failure}` : (words[state] ?? "");
      midi.hidden = devices.state !== "unasked";
    };
    sound.addEventListener("change", show);
    devices.addEventListener("change", show);
    this.replaceChildren(title, how, midi);
    show();
  }
}

customElements.define("antiphon-connection", Connection);
customElements.define("antiphon-quickness", Quickness);
customElements.define("antiphon-volume", Volume);
customElements.define("antiphon-keys", Keys);
customElements.define("antiphon-begin", Begin);
