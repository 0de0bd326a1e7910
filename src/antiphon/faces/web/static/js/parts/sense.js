/** What the jam makes of the music: whose turn it is, how active each side is, key, chord and beat. */

import { eachFrame, h } from "../dom.js";
import { history } from "../history.js";
import { jam } from "../jam.js";
import { printed } from "../music.js";

class Sense extends HTMLElement {
  #beat = -1;
  #parts = {};

  connectedCallback() {
    const part = (name, props = {}) => (this.#parts[name] = h("span", { className: name, ...props }));
    const side = (who, name) =>
      h("div", { className: `side ${who}` }, h("span", { className: "lamp" }), h("span", { className: "who", textContent: name }), part(`level ${who}`));
    const found = (label, value) => h("div", { className: "found" }, h("span", { className: "label", textContent: label }), value);
    this.replaceChildren(
      side("you", "You"),
      h(
        "div",
        { className: "middle" },
        found("key", part("key", { textContent: "–" })),
        found("chord", part("chord", { textContent: "–" })),
        found("tempo", part("tempo", { textContent: "–" })),
        h("div", { className: "found" }, h("span", { className: "label", textContent: "beat" }), part("beats", { ariaHidden: "true" }), part("turn", { className: "turn visually-hidden", role: "status" })),
      ),
      side("it", "Antiphon"),
    );
    jam.on("sense", (sense) => this.#show(sense));
    jam.on("link", ({ is }) => is === "closed" && this.classList.remove("yours", "its"));
    eachFrame(() => this.#move());
  }

  #show({ key, chord, tempo, meter, playing, busyness, loudness }) {
    const { key: keyPart, chord: chordPart, tempo: tempoPart, beats, turn } = this.#parts;
    const write = (part, text) => part.textContent !== text && (part.textContent = text);
    write(keyPart, key ? printed(key) : "–");
    write(chordPart, chord ? printed(chord) : "–");
    write(tempoPart, tempo ? `${Math.round(tempo)}` : "–");
    write(turn, playing ? "Antiphon plays" : "It is your turn");
    this.classList.toggle("its", playing);
    this.classList.toggle("yours", !playing);
    this.title = `you are ${busyWords(busyness)}${loudness === null ? "" : `, at a loudness of ${loudness}`}`;
    if (beats.childElementCount !== meter) {
      beats.replaceChildren(...Array.from({ length: meter }, () => h("i", {})));
      this.#beat = -1;
    }
  }

  #move() {
    const now = jam.clock.now;
    for (const who of ["you", "it"]) {
      const level = history.activity(who, now).toFixed(2);
      const part = this.#parts[`level ${who}`];
      if (part.dataset.level === level) continue;
      part.dataset.level = level;
      part.style.setProperty("--level", level);
    }
    const sense = jam.latest("sense");
    if (!sense?.tempo || !jam.clock.isSet) return;
    const beat = Math.floor(((now - sense.origin) * sense.tempo) / 60);
    if (beat === this.#beat) return;
    this.#beat = beat;
    const lit = ((beat % sense.meter) + sense.meter) % sense.meter;
    [...this.#parts.beats.children].forEach((lamp, place) => lamp.classList.toggle("on", place === lit));
  }
}

function busyWords(busyness) {
  if (busyness >= 0.5) return "busier than usual";
  return busyness <= -0.5 ? "calmer than usual" : "as busy as usual";
}

customElements.define("antiphon-sense", Sense);
