/** The page of a jam: brings its parts together. */

import "./others.js";
import "./parts/actions.js";
import "./parts/chorale.js";
import "./parts/controls.js";
import "./parts/desk.js";
import "./parts/piano.js";
import "./parts/presets.js";
import "./parts/roll.js";
import "./parts/sense.js";
import "./parts/session.js";
import "./parts/strips.js";
import "./parts/tabs.js";
import "./parts/toasts.js";
import { desk } from "./chorale/desk.js";
import { player } from "./chorale/player.js";
import { work } from "./chorale/work.js";
import { devices } from "./devices.js";
import { hands } from "./hands.js";
import { history } from "./history.js";
import { jam } from "./jam.js";
import { sound } from "./sound.js";
import { typing } from "./typing.js";

/** For those who look behind the page, tests among them. */
window.antiphon = { jam, sound, hands, history, typing, devices, chorale: { desk, player, work } };

for (const gesture of ["keydown", "pointerdown", "pointerup", "touchend"]) {
  addEventListener(gesture, () => sound.start(), { capture: true, passive: true });
}

// What was pressed with the mouse does not keep the focus: the space bar is the pedal.
addEventListener("click", (event) => {
  const pressed = event.target.closest?.("button, a.button, input[type=radio], input[type=checkbox]");
  if (pressed && event.detail > 0) pressed.blur();
});

/** Set the channels of the synthesiser as the strips say; what is sent later by the jam says the same. */
function setUp({ strips }) {
  for (const { mode, out, program, drums } of strips) {
    if (mode === "off") continue;
    sound.setDrums(out, drums);
    if (!drums) sound.play([0xc0 | (out - 1), program]);
  }
}

sound.addEventListener("built", () => jam.latest("strips") && setUp(jam.latest("strips")));
jam.on("strips", setUp);
jam.on("midi", ({ at, data }) => sound.playAt(data, jam.clock.here(at)));
jam.on("silence", () => sound.silence());
jam.on("link", ({ is }) => is === "closed" && sound.silence());
jam.on("hello", ({ sounds }) => sounds === false && sound.want(false, { remember: false }));

jam.begin();
sound.prepare();
devices.begin();
