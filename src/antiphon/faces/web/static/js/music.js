/** Names and colours of what is played. */

const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const PLAIN = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };

/** `60` is `C4`. */
export const pitchName = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;

/** The pitch that `text` names (`C4`, `f#3`, `Bb2`, `60`), or NaN. */
export function pitchNamed(text) {
  const named = /^([a-g])([#♯b♭]?)(-?\d)$/i.exec(text.trim());
  if (!named) return Number.parseInt(text, 10);
  const shift = { "#": 1, "♯": 1, b: -1, "♭": -1 }[named[2]] ?? 0;
  return PLAIN[named[1].toUpperCase()] + shift + 12 * (Number(named[3]) + 1);
}

export const isBlack = (pitch) => [1, 3, 6, 8, 10].includes(pitch % 12);

/** Hues: the player's channels are warm, the machine's cool, and neighbours are told apart. */
export function hueOf(who, channel) {
  return who === "you" ? 58 + (((channel - 1) * 13) % 36) : 165 + ((channel * 47 + 28) % 150);
}

/** The colour of a note, as a colour of CSS. `tone` is the theme's lightness and chroma. */
export const colourOf = (who, channel, tone) =>
  `oklch(${tone.lightness} ${who === "you" ? tone.chroma * 1.15 : tone.chroma} ${hueOf(who, channel ?? 1)})`;

/** `A minor` as musicians print it, with real accidentals. */
export const printed = (name) => name.replace(/^([A-G])#/, "$1♯").replace(/^([A-G])b/, "$1♭").replace(/\/([A-G])#/, "/$1♯").replace(/\/([A-G])b/, "/$1♭");
