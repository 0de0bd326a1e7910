/** The session: what is kept of it, how it is played and heard here, how quick it is, and what was said. */

import { h, spoken } from "../dom.js";
import { devices } from "../devices.js";
import { jam } from "../jam.js";
import { sound } from "../sound.js";

const FIGURES = {
  end_to_end: "from your note to its next",
  wake: "the model",
  queue: "your note waits",
  lateness: "its note leaves late",
};
const COLUMNS = ["p50_ms", "p90_ms", "p99_ms", "max_ms"];

class Session extends HTMLElement {
  connectedCallback() {
    this.replaceChildren(part("Take", take()), part("Model", model()), part("MIDI devices", inputs()), part("How quick it is", figures()));
  }
}

const part = (title, ...children) => h("section", { className: "group" }, h("h3", { textContent: title }), ...children);

/** The take's name, and the ways to take it home. */
function take() {
  const name = h("p", { className: "take" });
  const links = ["mid", "wav"].map((kind) =>
    h("a", { className: "button", href: `/take.${kind}`, download: "", textContent: kind === "mid" ? "MIDI file" : "Sound (WAV)" }),
  );
  jam.on("take", (news) => {
    name.textContent = news.name ?? "Nothing is kept of this session.";
    for (const link of links) {
      link.hidden = news.name === null;
      link.download = `${(news.name ?? "take").replace(/\.[^.]*$/, "")}${link.href.slice(-4)}`;
    }
  });
  return h("div", {}, name, h("p", { className: "buttons" }, ...links));
}

/** Which model plays, of those that there are. */
function model() {
  const select = h("select", { "aria-label": "Model", onchange: () => jam.act("model", select.value) });
  jam.on("model", ({ name, models }) => {
    const names = models.includes(name) ? models : [name, ...models];
    select.replaceChildren(...names.map((each) => h("option", { value: each, textContent: each })));
    select.value = name;
  });
  return select;
}

/** The inputs of the browser, each to be heard or not. */
function inputs() {
  const box = h("div", { className: "devices" });
  const show = () => {
    const list = devices.inputs.map(({ id, name, isHeard }) => {
      const tick = h("input", { type: "checkbox", checked: isHeard, onchange: () => devices.hear(id, tick.checked) });
      return h("label", {}, tick, name);
    });
    const ask = h("button", { type: "button", className: "button", textContent: "Use MIDI devices", onclick: () => devices.ask() });
    const none = h("p", { className: "quiet", textContent: "None is connected; one that you plug in is heard at once." });
    const why = h("p", { className: "quiet", role: "status", textContent: devices.problem });
    if (devices.state === "open") box.replaceChildren(...(list.length ? list : [none]));
    else box.replaceChildren(ask, ...(devices.problem ? [why] : []));
  };
  devices.addEventListener("change", show);
  show();
  return box;
}

/** Percentiles of the last seconds, in milliseconds. */
function figures() {
  const body = h("tbody");
  const head = h("tr", {}, h("th", { textContent: "ms" }), ...COLUMNS.map((name) => h("th", { textContent: name.replace("_ms", "") })));
  const row = (label, cells) => h("tr", {}, h("th", { scope: "row", textContent: label }), ...cells.map((cell) => h("td", { textContent: cell })));
  const shown = (value) => (Number.isFinite(value) ? value.toFixed(value < 9.95 ? 1 : 0) : "–");
  jam.on("figures", (news) => {
    const names = [...new Set([...Object.keys(FIGURES), ...Object.keys(news.figures)])].filter((name) => news.figures[name]?.count);
    const rows = names.map((name) => row(FIGURES[name] ?? spoken(name), COLUMNS.map((column) => shown(news.figures[name][column]))));
    const here = [
      row("to this page and back", [shown(jam.clock.trip * 1000), "", "", ""]),
      row("the browser's sound", [shown(sound.latency * 1000), "", "", ""]),
    ];
    body.replaceChildren(...rows, ...here);
  });
  return h("table", { className: "figures" }, h("thead", {}, head), body);
}

customElements.define("antiphon-session", Session);
