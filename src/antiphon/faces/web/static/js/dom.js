/** Small things that every part of the page needs. */

/**
 * An element of kind `tag`. `props` are properties where the element has them (`className`, `onclick`, `textContent`),
 * attributes otherwise (`aria-label`, `role`, `for`); undefined ones are left out.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name in element && !name.includes("-") && name !== "list") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A name from the protocol as people read it. */
export const spoken = (name) => name.replaceAll("_", " ");

/** The same with a capital. */
export const titled = (name) => spoken(name).replace(/^./, (first) => first.toUpperCase());

const frames = new Set();
let asked = 0;

/** Call `draw(seconds of performance.now)` on every frame that is shown; none while the page is hidden. */
export function eachFrame(draw) {
  frames.add(draw);
  if (!asked) asked = requestAnimationFrame(tick);
}

function tick(at) {
  asked = requestAnimationFrame(tick);
  for (const draw of frames) draw(at / 1000);
}

/** Whether the player would rather not see things move. */
export const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Whether what is typed belongs to `target`, and is not music. A list that was opened with the mouse is left at once. */
export function isWriting(target) {
  if (!(target instanceof Element)) return false;
  if (target.closest("select:focus-visible, textarea, [contenteditable], dialog")) return true;
  const input = target.closest("input");
  return input !== null && !["range", "checkbox", "radio", "button"].includes(input.type);
}

/** What this browser keeps for the next time; it may refuse to. */
export const remembered = {
  get(name, otherwise) {
    try {
      return JSON.parse(localStorage.getItem(`antiphon.${name}`)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(`antiphon.${name}`, JSON.stringify(value));
    } catch {
      // A page without storage plays as well.
    }
  },
};
