"""What is asked of a model in Python and of its twin in C++, and that both answer alike."""

import numpy as np
from hypothesis import strategies as st

from antiphon.engine import FIELDS, Constraints, NothingPossible, Steer, Voice
from antiphon.music.event import Event
from tests.embed.bridge import NOTHING_POSSIBLE, OK

BAND = {i: Voice(max_polyphony=4, max_length=4.0) for i in (0, 32, 48, 256)}

chances = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])
voices = st.builds(
    Voice,
    pitches=st.one_of(
        st.none(),
        st.lists(st.integers(0, 127), max_size=6).map(lambda ps: np.isin(np.arange(128), ps)),
        st.tuples(st.integers(0, 127), st.integers(0, 60)).map(
            lambda r: (np.arange(128) >= r[0]) & (np.arange(128) <= r[0] + r[1])
        ),
    ),
    min_velocity=st.integers(0, 100),
    max_velocity=st.integers(30, 127),
    min_polyphony=st.integers(0, 3),
    max_polyphony=st.integers(0, 5),
    min_length=st.sampled_from([0.0, 0.05, 1.0]),
    max_length=st.sampled_from([0.02, 0.5, 3.0, np.inf]),
    may_start=st.booleans(),
)
steers = st.builds(
    Steer,
    temperature=st.sampled_from([0.0, 0.3, 1.0, 2.0]),
    top_p=st.sampled_from([0.0, 0.5, 0.9, 1.0]),
    window=st.sampled_from([(0.0, 1.0), (0.2, 0.6), (0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (0.9, 1.0)]),
)


def events_after(last):
    """Events that are heard, mostly not before `last`."""
    after = st.sampled_from([-0.5, 0.0, 0.004, 0.3, 11.0]).map(lambda wait: (0.0 if last == -np.inf else last) + wait)
    keys = (st.sampled_from([0, 5, 40, 130, 256]), st.sampled_from([0, 60, 64, 127]))
    return st.builds(Event, after, *keys, st.sampled_from([0, 1, 80, 127]))


@st.composite
def constraints_at(draw, last):
    earliest = last + draw(st.sampled_from([-np.inf, -1.0, 0.0, 0.013, 2.0]))
    instruments = draw(st.lists(st.sampled_from([0, 5, 40, 130, 256, 319]), unique=True, max_size=4))
    now = max(earliest, last) if np.isfinite(max(earliest, last)) else 0.0
    fixed = {}
    for name in draw(st.lists(st.sampled_from(FIELDS), unique=True, max_size=3)):
        size = {"time": None, "instrument": 320}.get(name, 128)
        fixed[name] = (
            now + draw(st.sampled_from([0.0, 0.1, 3.0]))
            if size is None
            else draw(st.sampled_from([*instruments, 3] if name == "instrument" else [0, 60, 64, 100]))
        )
    return Constraints(
        {i: draw(voices) for i in instruments},
        earliest=earliest,
        latest=(max(earliest, last) if np.isfinite(max(earliest, last)) else 0.0)
        + draw(st.sampled_from([0.0, 0.3, 12.0, np.inf])),
        fixed=fixed,
        order=tuple(draw(st.permutations(FIELDS))),
        steer={name: draw(steers) for name in draw(st.lists(st.sampled_from(FIELDS), unique=True))},
        onset_weight=draw(st.sampled_from([0.0, 0.5, 1.0, 20.0])),
        weights={i: draw(chances) * 3 for i in draw(st.lists(st.sampled_from([0, 5, 40, 130]), unique=True))},
    )


def snapshot_brings_back(cpp):
    """Whatever was heard since: the same answer to the same question as when the snapshot was taken."""
    constraints, numbers = Constraints(BAND, earliest=0.0, latest=5.0), [0.3, 0.6, 0.1, 0.8, 0.5]
    for t in range(15):
        cpp.feed(Event(t * 0.1, 0, 60 + t, 80))
    assert cpp.save() == OK
    wanted = cpp.sample(constraints, numbers)
    for t in range(15, 40):
        cpp.feed(Event(t * 0.1, 32, 30 + t, 80))
    assert cpp.sample(constraints, numbers) != wanted
    assert cpp.restore() == OK
    assert cpp.sample(constraints, numbers) == wanted


def choose_alike(data, numbers, python, cpp):
    """Whatever is heard and whatever the constraints: the same event to the last bit, as many random numbers, the same
    refusals."""
    last = -np.inf
    for _ in range(data.draw(st.integers(1, 12))):
        if data.draw(st.booleans()):
            event = data.draw(events_after(last))
        else:
            constraints = data.draw(constraints_at(last))
            numbers.given.clear()
            try:
                event = python.sample(constraints, numbers)
            except NothingPossible:
                assert cpp.sample(constraints, [])[0] == NOTHING_POSSIBLE
                continue
            got = cpp.sample(constraints, numbers.given)
            assert got == (OK, (event.at, event.instrument, event.pitch, event.velocity), len(numbers.given))
        python.feed(event)
        assert cpp.feed(event) == OK
        last = python.snapshot().at
