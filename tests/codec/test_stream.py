"""The stream codec keeps what it promises: exact round trips, no drift, and one answer from both of its paths."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from antiphon.codec import stream
from antiphon.music.event import EVENT, INSTRUMENTS, Event

event_lists = st.lists(
    st.tuples(
        st.floats(0, 12, allow_nan=False), st.integers(0, INSTRUMENTS - 1), st.integers(0, 127), st.integers(0, 127)
    ),
    max_size=60,
)


def as_array(rows, start=0.0):
    """Events whose first column is seconds since the one before."""
    events = np.zeros(len(rows), EVENT)
    for name, column in zip(("instrument", "pitch", "velocity"), (1, 2, 3), strict=True):
        events[name] = [row[column] for row in rows]
    events["at"] = start + np.cumsum([row[0] for row in rows])
    return events


@given(event_lists, st.floats(0, 1e5))
def test_streaming_and_batch_paths_are_byte_identical(rows, start):
    events = as_array(rows, start)
    encoder = stream.StreamEncoder()
    one_by_one = np.array([encoder.encode(Event(*e.tolist())) for e in events], np.int16).reshape(-1, 4)
    assert one_by_one.tobytes() == stream.encode(events).tobytes()


@given(event_lists)
def test_every_code_is_in_its_vocabulary(rows):
    codes = stream.encode(as_array(rows))
    assert (codes >= 0).all()
    assert (codes < np.array(stream.SIZES)).all()


@given(event_lists, st.integers(0, 2**32 - 1))
def test_jitter_stays_within_the_bin_and_in_order(rows, seed):
    codes = stream.encode(as_array(rows))
    events = stream.decode(codes, rng=np.random.default_rng(seed))
    assert (np.diff(events["at"]) >= 0).all()
    exact = stream.decode(codes)
    assert stream.encode(exact).tobytes() == codes.tobytes()


def test_rounding_does_not_add_up_over_an_hour_of_triplets():
    events = as_array([(1 / 12, 0, 60, 64)] * 43_200)
    decoded = stream.decode(stream.encode(events))
    drift = (decoded["at"] - decoded["at"][0]) - (events["at"] - events["at"][0])
    assert np.abs(drift).max() <= stream.TICK


def test_time_is_exact_to_one_second_and_reaches_ten():
    assert stream.TIME_FIRST[100] == stream.TIME_LAST[100] == 100
    assert stream.TIME_LAST[-1] * stream.TICK == 10.0
    assert (stream.TIME_FIRST[1:] == stream.TIME_LAST[:-1] + 1).all()
