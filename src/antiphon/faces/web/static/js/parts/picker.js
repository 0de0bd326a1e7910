/** The instrument picker: families of General MIDI, found by typing. */

import { h, titled } from "../dom.js";

const A_FAMILY = 8;

/**
 * Ask for an instrument. Returns (a promise of) the fields of a strip to change, `{ program, drums }`, or null.
 * `current` is the strip as it is; `title` says whose it is.
 */
export function pickInstrument({ programs, families, current, title }) {
  return new Promise((resolve) => new Picker(programs, families, current, title, resolve));
}

class Picker {
  #marked = -1;

  constructor(programs, families, current, title, resolve) {
    this.chosen = null;
    this.options = [
      ...programs.map((name, program) => option(name, { program, drums: false }, families[Math.floor(program / A_FAMILY)])),
      option("drum kit", { drums: true }, "drums"),
    ];
    this.options.forEach(({ element }, place) => (element.id = `instrument-${place}`));
    this.search = h("input", {
      type: "search",
      placeholder: "Type to find an instrument",
      role: "combobox",
      "aria-expanded": "true",
      "aria-controls": "instruments",
      "aria-label": `${title}: find an instrument`,
      autocomplete: "off",
    });
    this.families = [...families, "drums"].map((family) => this.#family(family));
    const box = h("div", { role: "listbox", id: "instruments", "aria-label": "Instruments", className: "families" }, ...this.families);
    const close = h("button", { type: "button", className: "close", textContent: "×", "aria-label": "Close" });
    this.dialog = h("dialog", { className: "picker", "aria-label": `${title}: instrument` }, h("header", {}, h("h2", { textContent: title }), this.search, close), box);
    close.onclick = () => this.dialog.close();
    this.search.oninput = () => this.#filter();
    this.dialog.addEventListener("keydown", (event) => this.#key(event));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.onclose = () => {
      this.dialog.remove();
      resolve(this.chosen);
    };
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.search.focus();
    this.#mark(current.drums ? programs.length : current.program);
  }

  #family(family) {
    const members = this.options.filter((member) => member.family === family);
    for (const member of members) member.element.onclick = () => this.#choose(member);
    const heading = h("h3", { textContent: titled(family), role: "presentation" });
    return h("div", { role: "group", "aria-label": family, className: "family" }, heading, ...members.map(({ element }) => element));
  }

  get #shown() {
    return this.options.filter(({ element }) => !element.hidden);
  }

  #filter() {
    const words = this.search.value.toLowerCase().split(/\s+/);
    for (const { element, text } of this.options) element.hidden = !words.every((word) => text.includes(word));
    for (const family of this.families) family.hidden = !family.querySelector("[role=option]:not([hidden])");
    this.#mark(this.options.indexOf(this.#shown[0]));
  }

  #mark(place) {
    this.options[this.#marked]?.element.setAttribute("aria-selected", "false");
    this.#marked = place;
    const marked = this.options[place]?.element;
    marked?.setAttribute("aria-selected", "true");
    marked?.scrollIntoView({ block: "nearest" });
    this.search.setAttribute("aria-activedescendant", marked?.id ?? "");
  }

  #key(event) {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (way) {
      const shown = this.#shown;
      const at = shown.indexOf(this.options[this.#marked]);
      this.#mark(this.options.indexOf(shown[Math.min(shown.length - 1, Math.max(0, at + way))]));
      event.preventDefault();
    } else if (event.key === "Enter" && this.options[this.#marked] && event.target === this.search) {
      this.#choose(this.options[this.#marked]);
      event.preventDefault();
    }
  }

  #choose({ fields }) {
    this.chosen = fields;
    this.dialog.close();
  }
}

function option(name, fields, family) {
  const element = h("div", { role: "option", "aria-selected": "false", textContent: name });
  return { element, fields, family, text: `${name} ${family}`.toLowerCase() };
}
