/** The sixteen channel strips. */

import { eachFrame, h } from "../dom.js";
import { history } from "../history.js";
import { jam } from "../jam.js";
import { colourOf } from "../music.js";
import { Strip } from "./strip.js";
import { themeNow } from "./theme.js";

class Strips extends HTMLElement {
  #strips = [];
  #sounding = "";

  connectedCallback() {
    jam.on("hello", (hello) => {
      this.#strips = Array.from({ length: 16 }, (_, place) => new Strip(place + 1, hello));
      const rows = this.#strips.map(({ element }) => element);
      this.replaceChildren(h("div", { className: "strips", role: "list", "aria-label": "Channels" }, ...rows));
      this.#show(jam.strips);
    });
    jam.on("strips", ({ strips }) => this.#show(strips));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#show(jam.strips));
    eachFrame(() => this.#light());
  }

  #show(strips) {
    const { tone } = themeNow();
    strips.forEach((strip, place) => {
      const who = strip.mode === "input" ? "you" : "it";
      this.#strips[place]?.show(strip, colourOf(who, strip.channel, tone), strips);
    });
  }

  /** Light the lamps of the channels that sound; only when they have changed. */
  #light() {
    if (!this.#strips.length || !this.checkVisibility()) return;
    const sounding = new Set(history.sounding(jam.clock.now).map(({ channel }) => channel));
    const now = [...sounding].sort().join();
    if (now === this.#sounding) return;
    this.#sounding = now;
    for (const { channel, element } of this.#strips) element.classList.toggle("sounds", sounding.has(channel));
  }
}

customElements.define("antiphon-strips", Strips);
