/** What can be asked of the machine: a button for each action of the table that takes nothing. */

import { h, titled } from "../dom.js";
import { hands } from "../hands.js";
import { jam } from "../jam.js";

/** Shown elsewhere: panic is always in sight. */
const ELSEWHERE = new Set(["panic"]);

class Actions extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", "Actions");
    jam.on("hello", ({ actions }) => {
      const plain = actions.filter(({ name, argument }) => !argument && !ELSEWHERE.has(name));
      this.replaceChildren(...plain.map(button));
    });
  }
}

function button({ name, help }) {
  const made = h("button", { type: "button", className: "action", textContent: titled(name), title: help, "data-action": name });
  made.onclick = () => jam.act(name);
  return made;
}

class Panic extends HTMLElement {
  connectedCallback() {
    const button = h("button", {
      type: "button",
      className: "panic",
      textContent: "Panic",
      title: "Close every note, yours too, and rest (Escape)",
      "aria-keyshortcuts": "Escape",
    });
    button.onclick = () => {
      hands.releaseAll();
      jam.act("panic");
    };
    this.replaceChildren(button);
  }
}

customElements.define("antiphon-actions", Actions);
customElements.define("antiphon-panic", Panic);
