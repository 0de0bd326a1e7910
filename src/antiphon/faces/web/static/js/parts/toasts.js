/** What the jam says to the musician, for a few seconds; what was said stays in a log. */

import { h } from "../dom.js";
import { jam } from "../jam.js";

const SHOWN = 6000;
const KEPT = 100;

class Toasts extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "log");
    this.setAttribute("aria-live", "polite");
    this.setAttribute("aria-label", "Notices");
    jam.on("notice", ({ text }) => this.#say(text, "notice"));
    jam.on("refused", ({ why }) => this.#say(why, "refused"));
    jam.on("ended", ({ why }) => this.#say(`The jam is over: ${why}`, "ended"));
  }

  #say(text, kind) {
    const toast = h("button", { type: "button", className: `toast ${kind}`, textContent: text, title: "Dismiss" });
    toast.onclick = () => toast.remove();
    this.append(toast);
    setTimeout(() => toast.remove(), SHOWN + 40 * text.length);
    while (this.childElementCount > 4) this.firstElementChild.remove();
    const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    const log = document.querySelector("#notices");
    log.prepend(h("li", {}, h("time", { textContent: time }), ` ${text}`));
    while (log.childElementCount > KEPT) log.lastElementChild.remove();
  }
}

customElements.define("antiphon-toasts", Toasts);
