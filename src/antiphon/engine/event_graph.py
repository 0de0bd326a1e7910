"""The event graph of a bundle: one call hears an event and draws the next from random numbers that it is given.

It is there for hosts without this engine (`antiphon export --one-graph`). The engine itself draws field by field, since
its constraints narrow each field by those drawn before; here it is opened to be verified, and as an example of use.
"""

from __future__ import annotations

import numpy as np

from antiphon.engine.bundle import Array, Bundle, BundleError, State
from antiphon.engine.bundle_file import session, unusable

__all__ = ["EventGraph"]

_FILE = "event.onnx"
# Events of the reference that must be drawn as they were where the bundle was made. A random number that falls next to
# a boundary may fall on its other side on another processor, the more so where sums are rounded.
_ALIKE = {"fp32": 0.95}
_ALIKE_ROUNDED = 0.5


class EventGraph:
    """Answers from an opened bundle's `event.onnx`. Holds no state of its own."""

    def __init__(self, bundle: Bundle, *, threads: int = 1) -> None:
        self.bundle = bundle
        if not self.among(bundle):
            raise BundleError(f"{bundle.folder}: has no graph that draws a whole event; export it with --one-graph")
        try:
            self._graph = session(bundle.folder / _FILE, threads)
        except Exception as error:
            raise unusable(bundle.folder, error) from error

    @staticmethod
    def among(bundle: Bundle) -> bool:
        """Whether a bundle has such a graph, and so its checksum."""
        return _FILE in bundle.about["files"]

    def step(
        self, code: Array, begin: bool, sounding: Array, state: State, uniform: Array, **given: Array
    ) -> tuple[Array, State]:
        """Hear code (1, 4), unless it is the beginning, then draw: the next code (1, 4) int64, and the next state.

        `sounding` (1, F) holds after what is heard; `uniform` (1, 4) is float32, 0 to 1. `given`: `temperature`
        (1, 4) and `odds_velocity` (1, 128), `odds_time`, `odds_instrument`, `odds_pitch` (2, K), which multiply the
        probabilities, for a release and for an onset. A field of the answer is -1 where the odds leave nothing.
        """
        inputs = {"code": code, "begin": np.full((1, 1), begin, np.float32), "sounding": sounding, "uniform": uniform}
        event, *after = self._graph.run(None, {**inputs, **state, **given})
        return event, dict(zip(state, after, strict=True))

    def verify(self) -> float:
        """Replay the reference; the share of events drawn as where it was made. Raises BundleError when it is low."""
        with np.load(self.bundle.folder / "vectors.npz", allow_pickle=False) as arrays:
            codes, sounding, uniform, wanted = (arrays[key] for key in ("codes", "sounding", "uniform", "events"))
        state, code, alike = self.bundle.initial(), np.zeros((1, 4), np.int64), 0
        for t in range(len(codes)):
            event, state = self.step(code, t == 0, sounding[t : t + 1], state, uniform[t : t + 1])
            code = codes[t : t + 1].astype(np.int64)
            alike += bool((event[0] == wanted[t]).all())
        share = alike / len(codes)
        if share < _ALIKE.get(self.bundle.about["precision"], _ALIKE_ROUNDED):
            raise BundleError(f"{self.bundle.folder}: {_FILE} draws other events here than where it was made")
        return share
