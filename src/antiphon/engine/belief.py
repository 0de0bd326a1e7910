"""Belief propagation in finite-length Markov processes under unary constraints: exact draws, no search.

F. Pachet, P. Roy and G. Barbieri, "Finite-Length Markov Processes with Constraints", IJCAI 2011, for a chain whose
states may be contexts of any length (A. Papadopoulos, F. Pachet, P. Roy and J. Sakellariou, "Exact Sampling for Regular
and Markov Constraints with Belief Propagation", CP 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from antiphon.engine.draw import draw
from antiphon.engine.model import NothingPossible

__all__ = ["Chain", "chain", "constrained_draw", "staying"]

Floats = npt.NDArray[np.float64]
S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Chain:
    """A Markov chain as its edges, sorted by source, each of shape (E,): a symbol that leads from state to state.

    `states` is how many states there are; the first is where it begins. States without edges are dead ends.
    """

    states: int
    source: npt.NDArray[np.int64]
    symbol: npt.NDArray[np.int64]
    probability: Floats
    target: npt.NDArray[np.int64]


def chain(start: S, steps: Callable[[S], Iterable[tuple[int, float, S]]], length: int) -> Chain:
    """The chain of all states within `length` steps of `start`; `steps` gives symbol, probability and next state."""
    number: dict[S, int] = {start: 0}
    edges: list[tuple[int, int, float, int]] = []
    layer = [start]
    for _ in range(length):
        following = []
        for state in layer:
            for symbol, probability, after in steps(state):
                if after not in number:
                    number[after] = len(number)
                    following.append(after)
                edges.append((number[state], symbol, probability, number[after]))
        layer = following
    array = np.array(edges, [("source", "i8"), ("symbol", "i8"), ("probability", "f8"), ("target", "i8")])
    return Chain(len(number), array["source"], array["symbol"], array["probability"], array["target"])


def constrained_draw(chain: Chain, allowed: npt.NDArray[np.bool_], rng: np.random.Generator) -> list[int]:
    """One sequence of n symbols with the chain's probability, given that symbol i is in `allowed[i]`, shape (n, K).

    Messages run backwards once, O(n E); then each symbol is drawn in its turn and no draw is ever taken back. Raises
    NothingPossible when no sequence keeps to `allowed`.
    """
    messages = _messages(chain, allowed)
    edges = np.searchsorted(chain.source, np.arange(chain.states + 1))
    drawn, state = [], 0
    for permitted, message in zip(allowed, messages, strict=True):
        own = slice(edges[state], edges[state + 1])
        odds = chain.probability[own] * permitted[chain.symbol[own]] * message[chain.target[own]]
        if not odds.any():
            raise NothingPossible(f"no sequence of {len(allowed)} onsets keeps to what is allowed")
        edge = int(edges[state]) + draw(odds / odds.sum(), rng)
        drawn.append(int(chain.symbol[edge]))
        state = int(chain.target[edge])
    return drawn


def _messages(chain: Chain, allowed: npt.NDArray[np.bool_]) -> list[Floats]:
    """For each position and each state after it, how probable it is that all the rest is allowed, up to a factor."""
    messages = [np.ones(chain.states)]
    for permitted in allowed[:0:-1]:
        odds = chain.probability * permitted[chain.symbol] * messages[-1][chain.target]
        message = np.bincount(chain.source, odds, minlength=chain.states)
        messages.append(message / (message.max() or 1.0))  # a factor for all states, so that long ones do not vanish
    return messages[::-1]


def staying(transitions: Floats, struck: Floats, allowed: npt.NDArray[np.bool_], steps: int) -> Floats:
    """From each of K symbols, how probable it is that the next `steps` stay within `allowed`, shape (K,).

    First order: `transitions` (K, K) counts what followed what. After a symbol that nothing ever followed comes
    anything, as often as `struck` (K,) counts it.
    """
    left = transitions.sum(1)
    anything = struck / max(float(struck.sum()), 1.0)
    message = np.ones(len(struck))
    for _ in range(steps):
        stays = allowed * message
        message = np.where(left > 0, transitions @ stays / np.maximum(left, 1.0), anything @ stays)
    return message
