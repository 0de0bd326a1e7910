"""From a key on the page to what it brings back, in a real headless Chromium.

python -m bench.page [--keys 200] [--report FILE.json]

`ready`: from the command to the page's address, and from there to a page that can be played with its soundfont loaded.
`echo`: from the key to the news that the jam has heard it. `follower`: to the first note of a voice that harmonises it,
as it reaches the synthesiser: the way of an answer there and back without any musical waiting. `together`: to the first
note that the machine strikes after it when both play, decided by the net, so that it comes when the music wants it
(`missed`: within two seconds it did not). `late`: how late the machine's notes reach the page meanwhile, of which those
that come in time count as 0. `trip`: a ping and its pong. All but `ready` in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from tests.faces.web.stagehand import Visitor, chromium, jam

MEASURE = """
async ({ keys, wanted, patience, gap }) => {
  const { jam } = antiphon;
  const codes = ["KeyZ", "KeyC", "KeyB", "KeyQ", "KeyE", "KeyM"];
  const times = [];
  const late = [];
  let asked = null;
  const heard = {
    echo: ["note", ({ who, velocity }) => who === "you" && velocity > 0],
    follower: ["midi", ({ data }) => (data[0] & 0xf0) === 0x90 && data[2] > 0],
    together: ["midi", ({ data }) => (data[0] & 0xf0) === 0x90 && data[2] > 0],
  }[wanted];
  const sounds = ({ at }) => Math.max(performance.now(), wanted === "echo" ? 0 : jam.clock.here(at) * 1000);
  jam.on(heard[0], (news) => {
    if (asked === null || !heard[1](news)) return;
    times.push(sounds(news) - asked);
    asked = null;
  });
  jam.on("midi", ({ at, data }) => {
    if ((data[0] & 0xf0) === 0x90) late.push(Math.max(0, performance.now() - jam.clock.here(at) * 1000));
  });
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  let missed = 0;
  for (let key = 0; key < keys; key++) {
    const code = codes[key % codes.length];
    asked = performance.now();
    dispatchEvent(new KeyboardEvent("keydown", { code }));
    const until = asked + patience;
    await wait(gap * (0.7 + 0.6 * Math.random()));
    while (asked !== null && performance.now() < until) await wait(4);
    missed += asked !== null;
    asked = null;
    dispatchEvent(new KeyboardEvent("keyup", { code }));
    await wait(40);
  }
  return { times, late, missed };
}
"""
PINGS = """
async () => {
  const times = [];
  for (let ping = 0; ping < 200; ping++) {
    const asked = performance.now();
    const answered = new Promise((done) => antiphon.jam.on("pong", done));
    antiphon.jam.clock.ping();
    await answered;
    times.push(performance.now() - asked);
    await new Promise((done) => setTimeout(done, 5));
  }
  return times;
}
"""


def summary(times: list[float], **more: float) -> dict[str, float]:
    """Percentiles of milliseconds."""
    if not times:
        return {"count": 0, **more}
    p50, p99 = np.percentile(times, (50, 99))
    return {
        "p50": round(float(p50), 1),
        "p99": round(float(p99), 1),
        "max": round(max(times), 1),
        "count": len(times),
    } | more


Figures = dict[str, float]


def measured(page: Visitor, wanted: str, keys: int, gap: int) -> tuple[Figures, Figures]:
    """Press `keys` keys, one about every `gap` milliseconds: how long what they bring back takes, and what is late."""
    found = page.see(MEASURE, {"keys": keys, "wanted": wanted, "patience": 2000, "gap": gap})
    page.see("antiphon.jam.act('panic')")
    return summary(found["times"], missed=found["missed"]), summary(found["late"])


def main() -> None:
    """Measure, print, and write what `--report` names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--report", type=Path)
    args = parser.parse_args()
    begun = time.monotonic()
    with jam("--no-take") as address, chromium() as browser:
        served = time.monotonic()
        page = Visitor(browser.new_page(viewport={"width": 1360, "height": 820}), address)
        page.until("antiphon.sound.state !== 'loading'")
        figures = {"ready": {"server_s": round(served - begun, 2), "page_s": round(time.monotonic() - served, 2)}}
        page.begin()
        figures["trip"] = summary(page.see(PINGS))
        figures["echo"], _ = measured(page, "echo", args.keys, 100)
        figures["together"], figures["late"] = measured(page, "together", args.keys, 200)
        page.see("antiphon.jam.act('preset', 'harmony')")
        page.until("antiphon.jam.latest('presets').current === 'harmony'")
        figures["follower"], _ = measured(page, "follower", args.keys, 100)
        figures["sound"] = {"latency_ms": round(page.see("antiphon.sound.latency") * 1000, 1)}
    for name, row in figures.items():
        print(f"{name:10}", "  ".join(f"{key} {value:g}" for key, value in row.items()))
    if args.report is not None:
        args.report.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
