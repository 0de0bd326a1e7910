/** Panels of which one is shown, by its tab. Its children are `section`s with an id and a `data-tab` for a name. */

import { h, remembered } from "../dom.js";

const WAYS = { ArrowLeft: -1, ArrowRight: 1 };

class Tabs extends HTMLElement {
  connectedCallback() {
    this.panels = [...this.querySelectorAll(":scope > section")];
    this.tabs = this.panels.map((panel) => this.#tab(panel));
    const list = h("div", { role: "tablist", className: "tabs", "aria-label": "Panels" }, ...this.tabs);
    list.addEventListener("keydown", (event) => this.#key(event));
    this.prepend(list);
    const before = this.panels.findIndex(({ id }) => id === remembered.get("panel", ""));
    this.#show(Math.max(0, before));
  }

  #tab(panel) {
    const tab = h("button", { type: "button", role: "tab", textContent: panel.dataset.tab, id: `tab-${panel.id}`, "aria-controls": panel.id });
    tab.onclick = () => this.#show(this.panels.indexOf(panel));
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    return tab;
  }

  #show(shown) {
    this.panels.forEach((panel, place) => (panel.hidden = place !== shown));
    this.tabs.forEach((tab, place) => {
      tab.ariaSelected = String(place === shown);
      tab.tabIndex = place === shown ? 0 : -1;
    });
    this.shown = shown;
    remembered.set("panel", this.panels[shown].id);
    document.dispatchEvent(new CustomEvent("antiphon-panel", { detail: this.panels[shown].id }));
  }

  #key(event) {
    const way = WAYS[event.key];
    if (!way) return;
    this.#show((this.shown + way + this.tabs.length) % this.tabs.length);
    this.tabs[this.shown].focus();
    event.preventDefault();
  }
}

customElements.define("antiphon-tabs", Tabs);
