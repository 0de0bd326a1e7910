"""Counting by sorting is counting; what is kept of it is a distribution, and loses little."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.codec.token import PAD, VOCABULARY
from antiphon.train import ngrams

ORDER = 3
pieces = st.lists(st.lists(st.integers(4, 8), max_size=30).map(lambda w: np.array(w, np.int16)), min_size=1, max_size=5)


def unpacked(gram: int, words: int) -> tuple[int, ...]:
    return tuple(gram >> 9 * k & 511 for k in reversed(range(words)))


def by_hand(pieces, order):
    """N-grams in a dictionary."""
    counts = Counter()
    for piece in pieces:
        padded = [PAD] * order + piece.tolist()
        counts.update(tuple(padded[i : i + order + 1]) for i in range(len(piece)))
    return counts


def smoothed(pieces, history, word):
    """Witten and Bell's interpolated estimate, as their book has it."""
    p = 1 / VOCABULARY
    for order in range(ORDER + 1):
        context = tuple(([PAD] * ORDER + list(history))[len(history) + ORDER - order :])
        followers = {gram[-1]: n for gram, n in by_hand(pieces, order).items() if gram[:-1] == context}
        if followers:
            n, kinds = sum(followers.values()), len(followers)
            p = (followers.get(word, 0) + kinds * p) / (n + kinds)
    return p


@given(pieces)
def test_sorted_counts_are_counts(pieces):
    for order, level in enumerate(ngrams.count(pieces, ORDER)):
        found = {unpacked(g, order + 1): n for g, n in zip(level.grams.tolist(), level.counts.tolist(), strict=True)}
        assert found == dict(by_hand(pieces, order))


@settings(max_examples=30, deadline=None)
@given(pieces, st.lists(st.integers(4, 8), max_size=4), st.integers(4, 9))
def test_chances_are_wittens_and_bells(pieces, history, word):
    gram = ngrams.grams_of(np.array([*history, word], np.int16), ORDER)[-1:]
    assert ngrams.chance(ngrams.count(pieces, ORDER), gram)[0] == pytest.approx(smoothed(pieces, history, word))


@settings(max_examples=30, deadline=None)
@given(pieces.filter(lambda ps: sum(map(len, ps)) > 0), st.integers(0, 2000))
def test_whatever_is_kept_the_chances_add_up_to_one(pieces, limit):
    levels = ngrams.count(pieces, ORDER)
    model = ngrams.kept(levels, ngrams.losses(levels), limit)
    after = np.concatenate([ngrams.grams_of(piece, ORDER - 1) for piece in pieces])[:5]
    for context in after:
        grams = (context << np.uint64(9)) | np.arange(VOCABULARY, dtype=np.uint64)
        assert ngrams.backed(model, grams).sum() == pytest.approx(1, abs=1e-4)


def a_melody(seed, n):
    """Words that depend on the two before them, with some surprise."""
    rng, words = np.random.default_rng(seed), [4, 5]
    for _ in range(n):
        words.append(4 + (words[-1] * 3 + words[-2]) % 40 if rng.random() < 0.7 else int(rng.integers(4, 44)))
    return np.array(words, np.int16)


def test_a_tenth_of_the_size_keeps_most_of_what_is_known():
    levels = ngrams.count([a_melody(i, 4000) for i in range(10)], 2)
    lost, held_out = ngrams.losses(levels), ngrams.grams_of(a_melody(99, 4000), 2)
    whole = ngrams.kept(levels, lost, 10**9)
    small = ngrams.kept(levels, lost, ngrams.size_of(whole) // 3)
    nats = [-np.log(ngrams.backed(model, held_out)).mean() for model in (whole, small)]
    assert ngrams.size_of(small) <= ngrams.size_of(whole) // 3
    assert nats[1] < nats[0] + 0.1  # less is known by heart: it may even predict better
    assert nats[1] < np.log(40) - 0.8


def test_nothing_pruned_is_the_smoothed_model_itself():
    levels = ngrams.count([a_melody(0, 500)], 2)
    everything = [np.full(len(level.grams), np.inf) for level in levels]
    grams = ngrams.grams_of(a_melody(1, 500), 2)
    np.testing.assert_allclose(
        ngrams.backed(ngrams.kept(levels, everything, 10**9), grams), ngrams.chance(levels, grams), rtol=1e-4
    )


def test_memory_is_bounded_and_the_commonest_are_kept():
    pieces = [a_melody(i, 3000) for i in range(20)]
    room = 2000
    ngrams_, ngrams._CHUNK = ngrams._CHUNK, 5000
    try:
        small, whole = ngrams.count(pieces, 3, room=room), ngrams.count(pieces, 3)
    finally:
        ngrams._CHUNK = ngrams_
    assert all(len(level.grams) <= room for level in small)
    best = set(whole[3].grams[np.argsort(-whole[3].counts)[:100]].tolist())
    assert len(best & set(small[3].grams.tolist())) > 95
