/** The colours of the style sheet, for canvases. */

const NAMES = ["paper", "lane", "line", "bar", "ink", "faint", "you", "it"];

/** Colours by name, and the lightness and chroma of notes. */
export function themeOf(element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(`--roll-${name}`).trim();
  const colours = Object.fromEntries(NAMES.map((name) => [name, read(name)]));
  return { ...colours, tone: { lightness: Number(read("lightness")), chroma: Number(read("chroma")) }, font: style.fontFamily };
}
