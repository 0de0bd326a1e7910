/** How a control's values lie on a slider, and how they are written. */

import { pitchName, pitchNamed } from "../music.js";

/** Steps of a slider from one end to the other. */
export const STEPS = 1000;
/** Ratios of a control's ends from which on its slider is logarithmic: whole numbers are finer at the low end anyhow. */
const LOGARITHMIC = { float: 40, int: 400 };

const isPitch = ({ unit }) => unit === "MIDI pitch";
const isLog = ({ kind, low, high }) => low > 0 && high / low >= LOGARITHMIC[kind];

/** The step by which `control` is turned at `value`. */
export function stepAt(control, value) {
  if (control.kind === "int") return isLog(control) ? Math.max(1, 10 ** (Math.floor(Math.log10(value)) - 1)) : 1;
  if (isLog(control)) return 10 ** (Math.floor(Math.log10(Math.max(value, control.low)) + 1e-9) - 1) / 2;
  const fine = (control.high - control.low) / 200;
  const power = 10 ** Math.floor(Math.log10(fine));
  return fine >= 5 * power ? 5 * power : power;
}

/** `value` within the control's range, on a step. */
export function rounded(control, value) {
  const step = stepAt(control, value);
  const near = Number((Math.round(value / step) * step).toPrecision(9));
  return Math.min(control.high, Math.max(control.low, control.kind === "int" ? Math.round(near) : near));
}

/** The value at `position` of the slider. */
export function valueAt(control, position) {
  const share = position / STEPS;
  const { low, high } = control;
  return rounded(control, isLog(control) ? low * (high / low) ** share : low + (high - low) * share);
}

/** Where on the slider `value` is. */
export function positionOf(control, value) {
  const { low, high } = control;
  return STEPS * (isLog(control) ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
}

/** `value` without its unit. */
export function written(control, value) {
  if (isPitch(control)) return pitchName(value);
  if (control.kind === "int") return String(value);
  return String(Number(value.toPrecision(3)));
}

/** The unit as it follows the value. */
export const unitOf = (control) => (isPitch(control) ? "" : control.unit);

/** The value that `text` says, or null when it says none. */
export function read(control, text) {
  const value = isPitch(control) ? pitchNamed(text) : Number.parseFloat(text.replace(",", "."));
  if (Number.isNaN(value)) return null;
  return Math.min(control.high, Math.max(control.low, control.kind === "int" ? Math.round(value) : value));
}
