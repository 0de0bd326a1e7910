/** The colours of the style sheet, for canvases. */

const NAMES = ["paper", "lane", "line", "bar", "ink", "faint", "you", "it", "soprano", "alto", "tenor", "bass"];

let theme = null;
const changed = () => (theme = null);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
addEventListener("load", changed);

/** Colours by name, the lightness and chroma of notes (`tone`), and the typeface. */
export function themeNow() {
  theme ??= read();
  return theme;
}

function read() {
  const probe = document.body.appendChild(document.createElement("span"));
  const style = getComputedStyle(probe);
  const colours = NAMES.map((name) => {
    probe.style.color = `var(--roll-${name})`;
    return [name, style.color];
  });
  const number = (name) => Number(style.getPropertyValue(`--roll-${name}`));
  const tone = { lightness: number("lightness"), chroma: number("chroma") };
  const found = { ...Object.fromEntries(colours), tone, font: style.fontFamily };
  probe.remove();
  return { ...found, clear: found.paper.replace(/^rgb\((.*)\)$/, "rgba($1, 0)") };
}
