"""Random strips, ensembles and knobs."""

from __future__ import annotations

from hypothesis import strategies as st

from antiphon.jam.controls import ACTIONS, CONTROLS
from antiphon.jam.ensemble import Ensemble, Strip
from antiphon.jam.mapping import Knob


def pairs(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high)).map(lambda ends: (min(ends), max(ends)))


number = st.integers(0, 127)
strips = st.builds(
    Strip,
    mode=st.sampled_from(["off", "input", "auto"]),
    program=number,
    drums=st.sampled_from([None, True, False]),
    mute=st.booleans(),
    range=pairs(0, 127),
    polyphony=pairs(0, 32),
    length=st.tuples(st.floats(0, 2), st.floats(2, 60)),
    velocity=pairs(1, 127),
    interval=pairs(-24, 24),
    shift=st.integers(-24, 24),
    note_map=st.dictionaries(number, number, max_size=3),
    hears=st.one_of(st.none(), st.integers(0, 16)),
    fixed_velocity=st.one_of(st.none(), st.integers(1, 127)),
    port=st.one_of(st.none(), st.text(max_size=8)),
    channel=st.one_of(st.none(), st.integers(1, 16)),
    punch_in=st.booleans(),
    punch_out=st.floats(0, 5),
    cc=st.dictionaries(number, number, max_size=3),
)
ensembles = st.dictionaries(st.integers(1, 16), strips, max_size=16).map(Ensemble)

plain_controls = [c.name for c in CONTROLS if c.kind != "choice"]
knobs = st.builds(
    Knob,
    name=st.sampled_from([*plain_controls, *(action.name for action in ACTIONS)]),
    kind=st.sampled_from(["cc", "note"]),
    number=number,
    channel=st.one_of(st.none(), st.integers(1, 16)),
    argument=st.text(max_size=5),
)
