/** All controls in their groups, and the few that matter on stage: both drawn from the table that the jam tells. */

import { h, titled } from "../dom.js";
import { jam } from "../jam.js";
import { widgetOf } from "./control.js";

/** What a musician turns while playing. One that the jam does not have is left out. */
const ON_STAGE = ["policy", "share", "density", "key", "snap", "tempo", "mute", "hold"];

/** A panel of widgets, kept at what the jam says. */
class Widgets extends HTMLElement {
  #widgets = new Map();

  connectedCallback() {
    jam.on("hello", ({ controls }) => {
      const widgets = this.build(controls);
      this.#widgets = new Map(widgets.map((widget) => [widget.control.name, widget]));
      this.#show(jam.values);
    });
    jam.on("controls", ({ values }) => this.#show(values));
  }

  #show(values) {
    for (const [name, value] of Object.entries(values)) this.#widgets.get(name)?.show(value);
  }
}

class Stage extends Widgets {
  build(controls) {
    const named = new Map(controls.map((control) => [control.name, control]));
    const widgets = ON_STAGE.filter((name) => named.has(name)).map((name) => widgetOf(named.get(name), { isOnStage: true }));
    this.replaceChildren(...widgets.map(({ element }) => element));
    return widgets;
  }
}

class Controls extends Widgets {
  build(controls) {
    const widgets = controls.map((control) => widgetOf(control));
    const groups = [...new Set(controls.map(({ group }) => group))];
    const sections = groups.map((group) => section(group, widgets.filter(({ control }) => control.group === group)));
    this.replaceChildren(this.#search(widgets, sections), ...sections);
    return widgets;
  }

  /** A line to find controls by: those whose name or help holds every word stay. */
  #search(widgets, sections) {
    const search = h("input", { type: "search", placeholder: "Find a control", "aria-label": "Find a control", className: "search" });
    search.oninput = () => {
      const words = search.value.toLowerCase().split(/\s+/);
      for (const { control, element } of widgets) {
        const text = `${control.name} ${control.group} ${control.help}`.toLowerCase().replaceAll("_", " ");
        element.hidden = !words.every((word) => text.includes(word));
      }
      for (const part of sections) part.hidden = !part.querySelector(".control:not([hidden])");
    };
    return search;
  }
}

function section(group, widgets) {
  const heading = h("h3", { textContent: titled(group) });
  return h("section", { className: "group", "aria-label": titled(group) }, heading, ...widgets.map(({ element }) => element));
}

customElements.define("antiphon-stage", Stage);
customElements.define("antiphon-controls", Controls);
