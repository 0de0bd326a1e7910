"""What an event costs in Chromium, beside Python on the same graphs: milliseconds of processor, and of wall clock.

    python -m bench.browser [EVENTS]

Needs npm and Chromium. The processor's time is that of all the browser's processes together, so that it tells the same
on a busy machine.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from antiphon.engine import Constraints, NeuralModel, Voice
from antiphon.engine.bundle import find_bundle
from antiphon.engine.web_bundle import WebBundle
from antiphon.faces.web_embedding import embed_for_web
from tests.browser.stage import in_js, served
from tests.faces.web.stagehand import chromium

BAND = {i: Voice(max_polyphony=4, max_length=4.0) for i in (0, 32, 48, 256)}
WARM = 40

PLAY = """async ([events, constraints]) => {
    let last = 0;
    const began = performance.now();
    for (let event = 0; event < events; event++) {
        const drawn = await model.sample({ ...constraints, earliest: last, latest: last + 2 }, random);
        await model.feed(drawn);
        last = drawn.at;
    }
    await model.reset();
    return performance.now() - began;
}"""


def browsers_seconds() -> float:
    """Processor time of everything that this process has started."""
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return sum(t.user + t.system for t in times)


def in_chromium(folder: Path, events: int) -> tuple[float, float, float]:
    """Seconds of processor until the model is open, then milliseconds of processor and of wall clock an event."""
    with chromium() as browser, served(folder) as address:
        page = browser.new_page()
        page.goto(f"{address}/README.md")
        before = browsers_seconds()
        page.evaluate(
            """async (address) => {
                const { Antiphon, seeded } = await import(`${address}/antiphon.js`);
                [window.model, window.random] = [await Antiphon.open(), seeded(1)];
            }""",
            address,
        )
        opened = browsers_seconds() - before
        constraints = in_js(Constraints(BAND))
        page.evaluate(PLAY, [WARM, constraints])
        before = browsers_seconds()
        wall = page.evaluate(PLAY, [events, constraints])
        return opened, (browsers_seconds() - before) / events * 1e3, wall / events


def in_python(folder: Path, events: int) -> float:
    """Milliseconds of processor an event."""
    model, rng, last, began = NeuralModel(WebBundle(folder / "model")), np.random.default_rng(1), 0.0, 0.0
    for event in range(WARM + events):
        if event == WARM:
            began = time.process_time()
        drawn = model.sample(Constraints(BAND, earliest=last, latest=last + 2), rng)
        model.feed(drawn)
        last = drawn.at
    return (time.process_time() - began) / events * 1e3


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as scratch:
        for precision in ("int8", "fp32"):
            folder, page = Path(scratch) / precision, Path(scratch) / f"{precision}.html"
            embed_for_web(find_bundle("antiphon"), folder, precision, npm=True)
            embed_for_web(find_bundle("antiphon"), page, precision, single_file=True)
            model = sum(path.stat().st_size for path in (folder / "model").iterdir()) / 1e6
            runtime = sum(path.stat().st_size for path in (folder / "ort").iterdir()) / 1e6
            opened, processor, wall = in_chromium(folder, events)
            print(f"{precision}: model {model:.1f} MB, onnxruntime-web {runtime:.1f} MB, one page ", end="")
            print(f"{page.stat().st_size / 1e6:.1f} MB; opened in {opened:.1f} s of processor; an event ", end="")
            print(f"{processor:.1f} ms of processor, {wall:.1f} ms of wall clock; Python ", end="")
            print(f"{in_python(folder, events):.2f} ms of processor", flush=True)


if __name__ == "__main__":
    main()
