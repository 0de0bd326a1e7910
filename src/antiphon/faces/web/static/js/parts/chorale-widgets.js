/** The small things that the chorale is turned by. Each shows what `get` says and hands what is chosen to `set`. */

import { desk } from "../chorale/desk.js";
import { h } from "../dom.js";

/** A button that is down or up. `whom` tells of changes by `choice` or `look`. */
export function pressed(text, help, get, turn, whom = desk) {
  const button = h("button", { type: "button", textContent: text, title: help, ariaLabel: text.length < 4 ? help : undefined, onclick: turn });
  const show = () => (button.ariaPressed = String(get()));
  for (const kind of ["choice", "look"]) whom.addEventListener(kind, show);
  show();
  return button;
}

/** Buttons side by side of which one is down. */
export function segments(name, choices, get, set) {
  const inputs = choices.map(([value, text]) => {
    const input = h("input", { type: "radio", name, value: String(value), ariaLabel: text, onchange: () => set(value) });
    return [value, input, h("label", {}, input, h("span", { textContent: text }))];
  });
  const show = () => inputs.forEach(([value, input]) => (input.checked = value === get()));
  desk.addEventListener("choice", show);
  show();
  return h("div", { className: "segmented", role: "radiogroup", "aria-label": name }, ...inputs.map(([, , label]) => label));
}

/** A number with its name; what is none, or out of its limits, is not taken. Empty is null where there is a placeholder. */
export function number(name, { min, max, step = 1, title, placeholder }, get, set, whom = desk) {
  const input = h("input", { type: "number", min: String(min), max: String(max), step: String(step), title, placeholder, "aria-label": name });
  const show = () => {
    if (document.activeElement !== input) input.value = get() ?? "";
  };
  input.addEventListener("change", () => {
    if (input.value === "" && placeholder !== undefined) set(null);
    else if (input.value !== "" && input.checkValidity()) set(Number(input.value));
  });
  input.addEventListener("blur", show);
  input.addEventListener("keydown", (event) => event.key === "Enter" && input.blur());
  for (const kind of ["score", "choice", "change"]) whom.addEventListener(kind, show);
  show();
  return h("label", { className: "number" }, h("span", { textContent: name }), input);
}

/** A list of which one is chosen. */
export function choice(name, choices, get, set) {
  const options = choices.map(([value, text]) => h("option", { value: String(value), textContent: text }));
  const select = h("select", { "aria-label": name, onchange: () => set(Number(select.value)) }, ...options);
  const show = () => (select.value = String(get()));
  desk.addEventListener("choice", show);
  show();
  return h("label", { className: "number" }, h("span", { textContent: name }), select);
}
