/** Widgets for what has a few values: a list, buttons side by side, and a switch. */

import { h } from "../dom.js";
import { printed } from "../music.js";

/** Choices from which on a list is grouped by what follows the first word, as keys are by their mode. */
const MANY = 24;

/** A list to choose from. */
export class Choice {
  kind = "choice";

  constructor({ choices }, id, turn) {
    this.labelled = id;
    this.select = h("select", { id });
    this.select.append(...(choices.length > MANY ? grouped(choices) : choices.map(option)));
    this.select.onchange = () => turn(this.select.value);
    this.elements = [this.select];
  }

  describe(_label, help) {
    this.select.setAttribute("aria-describedby", help);
  }

  show(value) {
    this.select.value = value;
  }
}

const option = (choice) => h("option", { value: choice, textContent: printed(choice) });

function grouped(choices) {
  const groups = new Map();
  const alone = [];
  for (const choice of choices) {
    const [, rest] = /^\S+ (.+)$/.exec(choice) ?? [];
    if (!rest) alone.push(option(choice));
    else groups.set(rest, [...(groups.get(rest) ?? []), option(choice)]);
  }
  return [...alone, ...[...groups].map(([label, options]) => h("optgroup", { label }, ...options))];
}

/** Buttons side by side, of which one is pressed: radio buttons, so that arrows move among them. */
export class Segments {
  kind = "segments";

  constructor({ name, choices }, id, turn) {
    this.inputs = choices.map((choice) =>
      h("input", { type: "radio", name: `${id}-${name}`, value: choice, onchange: () => turn(choice) }),
    );
    const labels = this.inputs.map((input) => h("label", {}, input, h("span", { textContent: input.value })));
    this.group = h("div", { role: "radiogroup", className: "segmented" }, ...labels);
    this.elements = [this.group];
  }

  describe(label, help) {
    this.group.setAttribute("aria-labelledby", label);
    this.group.setAttribute("aria-describedby", help);
  }

  show(value) {
    for (const input of this.inputs) input.checked = input.value === value;
  }
}

/** Off or on. */
export class Switch {
  kind = "toggle";

  constructor(_control, id, turn) {
    this.labelled = id;
    this.input = h("input", { type: "checkbox", role: "switch", id });
    this.input.onchange = () => turn(this.input.checked ? "on" : "off");
    this.elements = [h("span", { className: "switch" }, this.input, h("i", { ariaHidden: "true" }))];
  }

  describe(_label, help) {
    this.input.setAttribute("aria-describedby", help);
  }

  show(value) {
    this.input.checked = value === "on";
  }
}
