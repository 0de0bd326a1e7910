"""The same random numbers make the same stream in a browser as in Python."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.codec.stream import SIZES
from antiphon.engine import Constraints, NeuralModel, NothingPossible
from antiphon.engine.web_bundle import WebBundle
from antiphon.music.event import Event
from tests.browser.stage import in_js
from tests.embed.alike import constraints_at, events_after
from tests.embed.bridge import Numbers
from tests.embed.test_streams import BAND, STEER

pytestmark = pytest.mark.system("npm", "chromium")


@pytest.mark.parametrize("name", ["tiny_fp32", "tiny_int8", "box_int8", "box_fp32"])
def test_the_reference_is_answered_within_a_ten_thousandth(folders, page, address, name):
    """Eight bits too: they are how weights are stored, and are multiplied as floats."""
    ours = WebBundle(folders.root / name / "model").verify()
    theirs = page.evaluate(
        """async (folder) => {
            const { Antiphon } = await import(`${folder}/antiphon.js`);
            const model = await Antiphon.open();
            const worst = await model.verify();
            model.close();
            return worst;
        }""",
        f"{address}/{name}",
    )
    print(f"\n{name}: answers differ from the reference by at most {theirs:.2g} here, {ours:.2g} in Python")
    assert ours <= 1e-4
    assert theirs <= 1e-4


STREAM = """async ([folder, constraints, steps]) => {
    const { Antiphon } = await import(`${folder}/antiphon.js`);
    const model = await Antiphon.open();
    const drawn = (step, nudge) => {
        const numbers = step.numbers.map((number) => Math.min(Math.max(number + nudge, 0), 1 - 1e-9));
        const within = { ...constraints, earliest: step.earliest, latest: step.earliest + 2 };
        return model.sample(within, () => numbers.shift() ?? 0.5);
    };
    const isSame = (a, b) => ["instrument", "pitch", "velocity"].every((field) => a[field] === b[field]);
    const others = [];
    const began = performance.now();
    for (const [place, step] of steps.entries()) {
        const event = await drawn(step, 0);
        if (!isSame(event, step.event) || event.at !== step.event.at) {
            const ties = await Promise.all([drawn(step, -1e-4), drawn(step, 1e-4)]);
            others.push({ place, event, isTie: ties.some((tie) => isSame(tie, step.event)) });
        }
        await model.feed(step.event);
    }
    const ms = (performance.now() - began) / steps.length;
    model.close();
    return { others, ms };
}"""


@pytest.mark.timeout(3600)  # with --soak
@pytest.mark.parametrize(("name", "events"), [("box_int8", 800), ("box_fp32", 100)])
def test_ten_thousand_events_are_played_alike_but_for_ties(folders, page, address, request, name, events):
    """Sums in another order differ in the last digits, so once in thousands of draws a number falls between."""
    events = 10_000 if request.config.getoption("soak") else events
    python, numbers, last, steps = NeuralModel(WebBundle(folders.root / name / "model")), Numbers(0), 0.0, []
    for _ in range(events):
        numbers.given.clear()
        event = python.sample(Constraints(BAND, earliest=last, latest=last + 2.0, steer=STEER), numbers)
        python.feed(event)
        steps.append({"earliest": last, "numbers": numbers.given.copy(), "event": _plain(event)})
        last = event.at
    constraints = in_js(Constraints(BAND, steer=STEER))
    done = page.evaluate(STREAM, [f"{address}/{name}", constraints, steps])
    print(f"\n{name}: {len(done['others'])} of {events} events differ, each at a tie; {done['ms']:.1f} ms an event")
    assert all(other["isTie"] for other in done["others"]), done["others"]
    assert len(done["others"]) <= 1 + events // 2000


def _plain(event: Event) -> dict:
    return {"at": event.at, "instrument": event.instrument, "pitch": event.pitch, "velocity": event.velocity}


class GivenLogits:
    """A bundle whose logits are random, and told, so that a browser can be given the same."""

    name = "given"
    knows_beats = False

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.now: list[list[float]] = []

    def draw(self) -> list[list[float]]:
        self.now = [(4 * self._rng.standard_normal(size)).astype(np.float32) for size in SIZES]
        return [logits.astype(float).tolist() for logits in self.now]

    def initial(self):
        return {}

    def hear(self, code, begin, sounding, state):
        return np.zeros((1, 1), np.float32), {}

    def logits(self, field, base, codes, known, sounding):
        return self.now[field]


SCRIPT = """async ([folder, text]) => {
    const { Model } = await import(`${folder}/lib/model.js`);
    const steps = text; // a list of { event } to be fed or { constraints, numbers, logits } to be drawn from
    let logits = [];
    const graphs = {
        initial: () => ({}),
        hear: async () => ({ base: new Float32Array(1), state: {} }),
        logits: async (field) => Float32Array.from(logits[field]),
    };
    const model = new Model(graphs);
    const answers = [];
    for (const step of steps) {
        if (step.event) {
            await model.feed(step.event);
            continue;
        }
        let used = 0;
        logits = step.logits;
        try {
            const event = await model.sample(step.constraints, () => step.numbers[used++]);
            answers.push({ event, used });
        } catch (error) {
            answers.push({ error: error.name });
        }
    }
    return answers;
}"""


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_given_the_same_logits_every_choice_is_the_same(page, folders, address, data, seed):
    """Whatever the constraints: the same event to the last bit, as many random numbers, the same refusals."""
    bundle = GivenLogits(seed)
    python, numbers, last = NeuralModel(bundle), Numbers(seed), -np.inf
    steps: list[dict] = []
    wanted: list[dict] = []
    for _ in range(data.draw(st.integers(1, 12))):
        if data.draw(st.booleans()):
            event = data.draw(events_after(last))
        else:
            constraints = data.draw(constraints_at(last))
            logits = bundle.draw()
            numbers.given.clear()
            event = None
            try:
                event = python.sample(constraints, numbers)
                wanted.append({"event": _plain(event), "used": len(numbers.given)})
            except NothingPossible:
                wanted.append({"error": "NothingPossible"})
            steps.append({"constraints": in_js(constraints), "numbers": numbers.given.copy(), "logits": logits})
        if event is not None:
            python.feed(event)
            steps.append({"event": _plain(event)})
            last = python.snapshot().at
    assert page.evaluate(SCRIPT, [f"{address}/tiny_fp32", steps]) == wanted


def test_python_and_javascript_agree_about_the_codec(page, folders, address):
    theirs = page.evaluate(
        """async (folder) => {
            const stream = await import(`${folder}/lib/stream.js`);
            const ledger = new stream.Ledger([[5, 60, 0.1], [7, 60, 0.4], [319, 127, 0.9]]);
            const bins = [];
            for (let ticks = -5; ticks < 1200; ticks++) bins.push(stream.timeBin(ticks));
            return { bins, sounding: Array.from(ledger.features(1.25)), about: JSON.stringify(stream.SIZES) };
        }""",
        f"{address}/tiny_fp32",
    )
    from antiphon.codec.sounding import features
    from antiphon.codec.stream import time_bin
    from antiphon.music.ledger import Ledger

    ledger = Ledger()
    for event in (Event(0.1, 5, 60, 1), Event(0.4, 7, 60, 1), Event(0.9, 319, 127, 1)):
        ledger.apply(event)
    assert theirs["bins"] == [time_bin(ticks) for ticks in range(-5, 1200)]
    assert theirs["sounding"] == features(ledger, 1.25).astype(float).tolist()
    assert json.loads(theirs["about"]) == list(SIZES)
