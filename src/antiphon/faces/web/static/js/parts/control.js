/** One control as a widget: a slider, a choice or a switch, whatever its row of the table says. */

import { h, spoken } from "../dom.js";
import { jam } from "../jam.js";
import { Choice, Segments, Switch } from "./choice.js";
import { Slider } from "./slider.js";

let widgets = 0;

/**
 * The widget of a control, which asks the jam for what it is turned to.
 * `isOnStage`: where a few choices are buttons side by side, and knobs are not learned.
 */
export function widgetOf(control, { isOnStage = false } = {}) {
  const id = `control-${++widgets}`;
  const turn = (value) => jam.set(control.name, value);
  const face = new (kindOf(control, isOnStage))(control, id, turn);
  const row = h("div", { className: `control ${face.kind}`, "data-control": control.name });
  const label = h("label", { className: "label", textContent: spoken(control.name), for: face.labelled, id: `${id}-label` });
  const help = h("span", { className: "visually-hidden", id: `${id}-help`, textContent: control.help });
  row.title = control.help;
  face.describe(`${id}-label`, `${id}-help`);
  row.append(label, ...face.elements, help);
  if (!isOnStage) row.append(knobOf(control));
  row.addEventListener("keydown", (event) => {
    if (event.key !== "Delete" || event.target.matches("input[type=text]")) return;
    turn(control.default);
    face.show(control.default);
  });
  return { control, element: row, show: (value) => face.show(value) };
}

function kindOf({ kind, choices }, isOnStage) {
  if (kind !== "choice") return Slider;
  if (choices.length === 2 && choices.includes("off") && choices.includes("on")) return Switch;
  return isOnStage && choices.length > 4 && choices.length <= 7 ? Segments : Choice;
}

/** Which knob turns it; pressed, the next one that moves will. */
function knobOf({ name, cc }) {
  const button = h("button", {
    type: "button",
    className: "knob",
    textContent: cc === null ? "learn" : `cc ${cc}`,
    title: "Press, then move a knob of your MIDI device: it will turn this",
    "aria-label": `learn a knob for ${spoken(name)}${cc === null ? "" : `, now control change ${cc}`}`,
  });
  button.onclick = () => jam.act("learn", name);
  return button;
}
