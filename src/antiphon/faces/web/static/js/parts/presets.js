/** The presets: what each is for, which one it plays by, and keeping one's own. */

import { h } from "../dom.js";
import { jam } from "../jam.js";

class Presets extends HTMLElement {
  connectedCallback() {
    this.list = h("div", { className: "presets", role: "group", "aria-label": "Presets" });
    const name = h("input", { type: "text", placeholder: "A name for what is set now", "aria-label": "Name of the preset", maxLength: 60 });
    const form = h("form", { className: "save" }, name, h("button", { textContent: "Save" }));
    form.onsubmit = (event) => {
      event.preventDefault();
      if (!name.value.trim()) return name.focus();
      jam.act("save", name.value.trim());
      name.value = "";
    };
    this.replaceChildren(this.list, form);
    jam.on("presets", ({ presets, current }) => {
      const focused = document.activeElement?.dataset?.preset;
      this.list.replaceChildren(...presets.map((preset) => card(preset, preset.name === current)));
      if (focused) this.list.querySelector(`[data-preset="${CSS.escape(focused)}"]`)?.focus();
    });
  }
}

function card({ name, about }, isCurrent) {
  const title = h("span", { className: "name", textContent: name });
  const button = h("button", { type: "button", className: "preset", "data-preset": name }, title, h("span", { className: "about", textContent: about }));
  if (isCurrent) button.setAttribute("aria-current", "true");
  button.onclick = () => jam.act("preset", name);
  return button;
}

customElements.define("antiphon-presets", Presets);
