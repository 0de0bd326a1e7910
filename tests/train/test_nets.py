"""What the nets promise: no peeking, one answer from both of their forms, and features that agree with the ledger."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.codec.sounding import FEATURES, features
from antiphon.codec.stream import SIZES
from antiphon.music.event import EVENT, Event
from antiphon.music.ledger import Ledger
from antiphon.train.batches import Augment, collate, sounding_before
from antiphon.train.corpus import Window
from antiphon.train.likelihood import known_in_order, random_known
from antiphon.train.nets import NetConfig, StreamNet
from tests.train.small import TINY

BODIES = ("gru", "transformer")


@st.composite
def streams(draw, max_size=40):
    """Valid streams: no double onsets, no orphan releases, no two instruments on one pitch."""
    ledger, at, rows = Ledger(), 0.0, []
    for _ in range(draw(st.integers(1, max_size))):
        at += draw(st.sampled_from([0.0, 0.01, 0.25, 1.7]))
        pitch = draw(st.integers(40, 52))
        instrument = pitch % 3
        velocity = 0 if (instrument, pitch) in ledger else draw(st.integers(1, 127))
        if not velocity:  # as prep writes them, notes last at least 10 ms
            at = max(at, ledger.sounding[instrument, pitch] + 0.01)
        ledger.apply(Event(at, instrument, pitch, velocity))
        rows.append((at, instrument, pitch, velocity))
    return np.array(rows, EVENT)


def net_of(body: str) -> StreamNet:
    torch.manual_seed(0)
    net = StreamNet(replace(TINY, body=body))
    for out in net.heads.out:
        torch.nn.init.normal_(out.weight)  # an untrained net's heads are silent
    return net.eval()


@given(streams())
def test_what_sounds_is_the_same_in_batches_as_in_the_ledger(events):
    batch = sounding_before([events], len(events))[0]
    ledger = Ledger()
    for t, row in enumerate(events[:-1]):
        ledger.apply(Event(*row.item()))
        np.testing.assert_allclose(batch[t + 1], features(ledger, row["at"]), atol=2e-4)
    assert batch.shape == (len(events), FEATURES)


def test_a_note_released_in_a_window_sounds_from_its_beginning():
    events = np.array([(0.0, 0, 60, 70), (0.1, 0, 48, 0)], EVENT)
    batch = sounding_before([events], 2)[0]
    assert batch[0, 48] == 1
    assert batch[1, 48] == 1
    assert batch[0, 60] == 0


@pytest.mark.parametrize("body", BODIES)
@settings(max_examples=20, deadline=None)
@given(events=streams(), seed=st.integers(0, 1000))
def test_no_field_sees_itself_or_the_future(body, events, seed):
    net, T = net_of(body), len(events)
    batch = collate([Window(events)], T)
    known = random_known((1, T), torch.Generator().manual_seed(seed))
    rng = np.random.default_rng(seed)
    t, f = int(rng.integers(T)), int(rng.integers(4))
    before = [x[0, t].detach() for x in net(batch.codes, batch.sounding, known)][f]
    changed = batch.codes.clone()
    changed[0, t + 1 :] = torch.tensor([5, 5, 5, 5])
    for g in range(4):
        if not known[0, t, f, g]:
            changed[0, t, g] = (changed[0, t, g] + 1) % SIZES[g]
    after = [x[0, t].detach() for x in net(changed, batch.sounding, known)][f]
    torch.testing.assert_close(before, after)


@pytest.mark.parametrize("body", BODIES)
def test_a_known_field_matters(body):
    net = net_of(body)
    batch = collate([Window(np.array([(0.0, 0, 60, 70), (0.1, 0, 60, 0)], EVENT))], 2)
    nothing, everything = (
        net(batch.codes, batch.sounding, k) for k in (torch.zeros(1, 2, 4, 4) > 0, known_in_order([3, 2, 0, 1]))
    )
    assert not torch.allclose(nothing[1], everything[1])


@settings(max_examples=40, deadline=None)
@given(streams(), st.integers(0, 2**32 - 1))
def test_variations_are_still_valid_music(events, seed):
    varied = Augment().apply(Window(events), np.random.default_rng(seed)).events
    ledger = Ledger()
    for row in varied:
        event = Event(*row.item())
        assert (event.velocity > 0) != ((event.instrument, event.pitch) in ledger)
        ledger.apply(event)
    assert (np.diff(varied["at"]) >= 0).all()
    assert (varied["velocity"] > 0).sum() == (events["velocity"] > 0).sum()


def test_a_transformer_forgets_what_left_its_windows():
    net = StreamNet(NetConfig(body="transformer", width=16, layers=1, n_heads=2, window=4, head_width=8)).eval()
    codes = torch.randint(0, 100, (1, 12, 4))
    sounding = torch.zeros(1, 12, FEATURES)
    other = codes.clone()
    other[0, 0] = 7
    torch.testing.assert_close(net.hidden(codes, sounding)[0, 6:], net.hidden(other, sounding)[0, 6:])
    assert not torch.allclose(net.hidden(codes, sounding)[0, 1], net.hidden(other, sounding)[0, 1])
