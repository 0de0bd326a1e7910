"""The example on ONNX Runtime's C++ interface is true to the graph, and plays what Python plays with it."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from antiphon.codec.sounding import FEATURES, features
from antiphon.codec.stream import SIZES, TIME_FIRST, StreamEncoder
from antiphon.engine import Bundle
from antiphon.engine.event_graph import EventGraph
from antiphon.music.event import EVENT, Event
from antiphon.music.ledger import Ledger
from antiphon.music.midi_read import read_midi
from antiphon.music.midi_write import score_from_events, write_midi
from antiphon.train.export import export
from tests.embed.bridge import EMBED, STRICT
from tests.embed.models import tiny_net

SOURCE = EMBED / "ort_duet.cpp"
OWN = 48
SIZE = {"FEATURES": FEATURES, "INSTRUMENTS": SIZES[0], "PITCHES": SIZES[1]}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one-graph") / "tiny"
    export(tiny_net(), folder, name="tiny", precision="fp32", one_graph=True)
    return folder


def table(name):
    """The tensors of the example: (name, type of ONNX Runtime, shape)."""
    (body,) = re.findall(rf"constexpr Tensor {name}\[\] = \{{(.*?)\n\}};", SOURCE.read_text(), re.DOTALL)
    types = {"FLOAT": "tensor(float)", "INT64": "tensor(int64)"}
    rows = re.findall(r'\{"(\w+)", (\w+), (-?\w+), (-?\w+)\}', body)
    assert len(rows) == body.count("{")
    return [(name, types[kind], [SIZE.get(n) or int(n) for n in shape]) for name, kind, *shape in rows]


def fits(shape, wanted):
    return len(shape) == len(wanted) and all(w in (-1, n) for n, w in zip(shape, wanted, strict=True))


def test_every_tensor_of_the_example_is_one_of_the_graph(bundle):
    graph = ort.InferenceSession(bundle / "event.onnx", quiet(), providers=["CPUExecutionProvider"])
    needed, optional = graph.get_inputs(), graph.get_overridable_initializers()
    inputs, outputs = table("INPUTS"), table("OUTPUTS")
    assert [name for name, _, _ in inputs[: len(needed)]] == [i.name for i in needed]
    known = {i.name: i for i in [*needed, *optional]}
    for name, kind, shape in inputs:
        assert known[name].type == kind
        assert fits(known[name].shape, shape), name
    assert [(o.name, o.type) for o in graph.get_outputs()] == [row[:2] for row in outputs]
    assert all(fits(o.shape, row[2]) for o, row in zip(graph.get_outputs(), outputs, strict=True))


def quiet():
    options = ort.SessionOptions()
    options.log_severity_level = 3  # inputs that have a default are meant
    return options


def test_times_are_those_of_the_codec(tmp_path):
    function = re.search(r"^std::int64_t first_tick\(.*?^}", SOURCE.read_text(), re.DOTALL | re.MULTILINE)
    assert function
    (tmp_path / "t.cpp").write_text(
        f"#include <algorithm>\n#include <cstdint>\n#include <cstdio>\n{function[0]}\n"
        'int main() { for (int i = 0; i < 165; ++i) std::printf("%d ", static_cast<int>(first_tick(i))); }\n'
    )
    subprocess.run(["g++", *STRICT, tmp_path / "t.cpp", "-o", tmp_path / "t"], check=True)
    said = subprocess.run([tmp_path / "t"], capture_output=True, text=True, check=True).stdout
    assert [int(word) for word in said.split()] == TIME_FIRST.tolist()


@pytest.fixture(scope="module")
def program(tmp_path_factory, pytestconfig):
    """The example, built with the headers that were named against the library of the Python package."""
    include = pytestconfig.getoption("onnxruntime")
    folder = tmp_path_factory.mktemp("ort")
    (library,) = (Path(ort.__file__).parent / "capi").glob("libonnxruntime.so.*")
    (folder / "libonnxruntime.so.1").symlink_to(library)
    flags = [*STRICT, "-isystem", include, SOURCE, folder / "libonnxruntime.so.1", f"-Wl,-rpath,{folder}"]
    done = subprocess.run(["g++", *flags, "-o", folder / "duet"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "duet"


@pytest.fixture(scope="module")
def tune(tmp_path_factory):
    """A scale in two instruments whose times are in the middle of ticks, so that both readers of files round alike."""
    rows = []
    for k in range(80):
        rows += [(k * 0.3, 0, 60 + k % 13, 80), (k * 0.3 + 0.24, 0, 60 + k % 13, 0)]
        rows += [(k * 0.3, 32, 40 + k % 5, 70), (k * 0.3 + 0.3, 32, 40 + k % 5, 0)] if k % 3 == 0 else []
    path = tmp_path_factory.mktemp("tune") / "tune.mid"
    write_midi(score_from_events(np.array(sorted(rows, key=lambda r: (r[0], r[3] > 0)), EVENT)), path)
    return path


class Random:
    """SplitMix64, as the C++ draws its numbers."""

    def __init__(self, seed):
        self.state = seed

    def __call__(self):
        self.state = z = (self.state + 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        return np.float32(((z ^ z >> 31) >> 11) / 2**53)


class Partner:
    """The host of the example, on our own ledger, codec and features."""

    def __init__(self, bundle, tune, seed):
        self.graph, self.random = EventGraph(Bundle(bundle)), Random(seed)
        self.ledger, self.encoder, self.played = Ledger(), StreamEncoder(), []
        self.others = set(tune["instrument"].tolist())
        self.code, self.state = np.zeros((1, 4), np.int64), self.graph.bundle.initial()
        self.draw()

    def draw(self):
        now = self.played[-1].at if self.played else 0.0
        own = [pitch for instrument, pitch in self.ledger.sounding if instrument == OWN]
        odds = {name: np.zeros((2, size), np.float32) for name, size in (("instrument", 320), ("pitch", 128))}
        odds["pitch"][0, own if own else slice(None)] = 1
        odds["pitch"][1, 48:85] = 1
        odds["pitch"][1, own] = 0
        odds["instrument"][:, list(self.others)] = 1
        odds["instrument"][:, OWN] = bool(own), 20 if len(own) < 2 else 0
        odds["velocity"] = np.ones((1, 128), np.float32)
        odds["velocity"][0, 0] = bool(own or self.others)
        uniform = np.array([[self.random() for _ in range(4)]])
        event, self.state = self.graph.step(
            self.code,
            not self.played,
            features(self.ledger, now)[None],
            self.state,
            uniform,
            **{f"odds_{name}": array for name, array in odds.items()},
        )
        self.next = event[0].tolist()

    def hear(self, event):
        sounds = (event.instrument, event.pitch) in self.ledger
        if not sounds and not event.velocity:
            return
        if sounds and event.velocity:
            self.hear(Event(event.at, event.instrument, event.pitch, 0))
        self.code = np.array([self.encoder.encode(event)])
        self.ledger.apply(event)
        self.played.append(event)
        self.draw()

    def play(self, until):
        while True:
            oldest = next(((k[1], since) for k, since in self.ledger.sounding.items() if k[0] == OWN), None)
            due = oldest[1] + 2.0 if oldest else until
            instrument, pitch, time, velocity = self.next
            mine = instrument == OWN and pitch >= 0 and velocity >= 0
            at = ((self.encoder.last_tick or 0) + int(TIME_FIRST[time])) * 0.01 if mine else until
            if min(due, at) >= until:
                return
            self.hear(Event(due, OWN, oldest[0], 0) if due <= at else Event(at, OWN, pitch, velocity))


@pytest.mark.onnxruntime
@pytest.mark.parametrize("seed", [1, 2])
def test_the_example_plays_what_python_plays(bundle, program, tune, tmp_path, seed):
    done = subprocess.run(
        [program, bundle / "event.onnx", tune, tmp_path / "out.mid", str(seed)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    heard = read_midi(tune).events()
    partner = Partner(bundle, heard, seed)
    for row in heard:
        event = Event(*row.item())
        partner.play(event.at)
        partner.hear(event)
    partner.others = set()
    partner.draw()
    end = float(heard["at"][-1]) + 4.0
    partner.play(end)
    wanted = [*partner.played, *(Event(end, *key, 0) for key in partner.ledger.sounding)]
    got = read_midi(tmp_path / "out.mid").events()
    assert sum(event.instrument == OWN for event in wanted) > 20
    assert said(got) == said(wanted)


def said(events):
    """Events on the ticks of the codec, in an order that does not depend on what comes first at one time."""
    rows = (tuple(e.item()) if isinstance(e, np.void) else (e.at, e.instrument, e.pitch, e.velocity) for e in events)
    return sorted((round(at * 100), *rest) for at, *rest in rows)


@pytest.mark.onnxruntime
@pytest.mark.parametrize("graph", ["no.onnx", "body.onnx"])
def test_another_graph_is_refused_in_one_line(bundle, program, tune, tmp_path, graph):
    shutil.copy(bundle / "body.onnx", tmp_path)
    done = subprocess.run([program, tmp_path / graph, tune, tmp_path / "out.mid"], capture_output=True, text=True)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
