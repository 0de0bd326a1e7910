/** The meter of the chorale and its upbeat, chosen from lists. */

import { lengthOf, metersOf, upbeatOf } from "../chorale/bars.js";
import { desk } from "../chorale/desk.js";
import { h } from "../dom.js";

const METERS = ["4/4", "3/4", "2/2", "6/8", "3/2", "2/4"];
/** Sixteenths of an upbeat, and its name. */
const UPBEATS = [
  [0, "none"],
  [2, "1/8"],
  [4, "1/4"],
  [6, "3/8"],
  [8, "1/2"],
  [12, "3/4"],
];

/** The two lists, each with its name. What was opened may have other meters, or several: then that is shown. */
export function meterChoices() {
  const meter = h("select", { "aria-label": "Meter", title: "Notes stay, bar lines move", onchange: () => desk.setMeter(numbers(meter.value)) });
  const upbeat = h("select", { "aria-label": "Upbeat", title: "How much comes before the first whole bar" });
  upbeat.onchange = () => desk.setMeter(desk.meters.at(-1).slice(1), Number(upbeat.value));
  const show = () => {
    const [, beats, unit] = desk.meters.at(-1);
    const long = upbeatOf(desk.meters);
    const isOne = JSON.stringify(metersOf(beats, unit, long)) === JSON.stringify(desk.meters);
    const now = isOne ? `${beats}/${unit}` : "several";
    fill(meter, now, [...new Set([...METERS, now])].map((name) => [name, name]));
    const fitting = UPBEATS.filter(([length]) => length < lengthOf(beats, unit));
    if (!fitting.some(([length]) => length === long)) fitting.push([long, `${long}/16`]);
    fill(upbeat, String(long), fitting);
    upbeat.disabled = !isOne;
    [...meter.options].forEach((option) => (option.disabled = option.value === "several"));
  };
  desk.addEventListener("score", show);
  show();
  return [meter, upbeat].map((select) => h("label", { className: "number" }, h("span", { textContent: select.ariaLabel }), select));
}

const numbers = (name) => name.split("/").map(Number);

function fill(select, value, options) {
  const names = options.map(([, name]) => name).join();
  if (select.dataset.names !== names) {
    select.dataset.names = names;
    select.replaceChildren(...options.map(([of, name]) => h("option", { value: String(of), textContent: name })));
  }
  select.value = value;
}
