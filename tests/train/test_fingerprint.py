"""How alike two pieces are by their sketches."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from antiphon.train.fingerprint import FEWEST_RUNS, SKETCH_SIZE, resembling_pairs

SKETCHES = st.sets(st.integers(0, 200), min_size=FEWEST_RUNS, max_size=80)


@given(SKETCHES, SKETCHES, st.booleans())
def test_resemblance_is_the_share_of_the_smallest_hashes_of_both_that_each_has(one, other, alike):
    other = other | one if alike else other
    smallest = sorted(one | other)[: min(SKETCH_SIZE, max(len(one), len(other)))]
    wanted = len([h for h in smallest if h in one and h in other]) / len(smallest)
    sketches = [np.array(sorted(found), np.uint64) for found in (one, other)]
    assert resembling_pairs(sketches, 0.5) == ([(0, 1, wanted)] if wanted >= 0.5 else [])
