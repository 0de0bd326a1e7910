"""The graphs of a bundle: a net for one event at a time, its state going in and coming out, written as ONNX.

`body.onnx` hears one event: (code, begin, sounding, state...) -> (base, next state...), the same work for every event.
`heads.onnx` gives the logits of the four fields from (base, codes, known, sounding); a caller asks for those it needs.
`event.onnx`, for hosts that want one call an event, hears one and draws the next from numbers that it is given.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from antiphon.codec.stream import INSTRUMENT, PITCH, SIZES, TIME, VELOCITY
from antiphon.train.body_step import gru_step, states_of, transformer_step
from antiphon.train.likelihood import FIELD_NAMES
from antiphon.train.nets import StreamNet

__all__ = [
    "OPSET",
    "BodyStep",
    "EventStep",
    "HeadsStep",
    "described",
    "give_defaults",
    "write_graph",
    "write_step_graphs",
]

OPSET = 18
DRAWN_IN = (VELOCITY, TIME, INSTRUMENT, PITCH)
"""The order in which `event.onnx` draws the fields: the engine's own."""


class BodyStep(nn.Module):
    """The body for one event: what was heard and the state -> the base (1, C) of the heads and the next state.

    `states` names the state's arrays and their shapes.
    """

    def __init__(self, net: StreamNet) -> None:
        super().__init__()
        self.net, self.states = net, states_of(net.config)

    def forward(self, code: Tensor, begin: Tensor, sounding: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """`begin` (1, 1) is 1 where nothing was heard yet; the code (1, 4) does not count then."""
        step = gru_step if self.net.config.body == "gru" else transformer_step
        past = self.net.embedded(code)
        x, *after = step(self.net.body, begin * self.net.start + (1 - begin) * past + self.net.hear(sounding), *state)
        return self.net.heads.base(self.net.norm(x)), *after


class HeadsStep(nn.Module):
    """The heads for one event: logits (1, K) of each field, given which fields are known."""

    def __init__(self, net: StreamNet) -> None:
        super().__init__()
        self.heads = net.heads

    def forward(self, base: Tensor, codes: Tensor, known: Tensor, sounding: Tensor) -> tuple[Tensor, ...]:
        facts = torch.stack(self.heads.facts(codes, sounding), dim=-1)  # (1, C, 4)
        given = (facts * known[:, None, :]).sum(-1)
        return tuple(self.heads.logits(f, base, given, sounding) for f in range(len(SIZES)))


class EventStep(nn.Module):
    """One call an event: hears the last one and draws the next from four random numbers, field by field.

    The order is the engine's: velocity, time, instrument, pitch. `odds` multiply the probabilities of a field's values,
    0 forbids them; where they are two rows, the first counts for a release and the second for an onset. What is drawn
    from is what the heads say, in double precision, by its cumulative sum. A field of which nothing is allowed is -1.
    """

    defaults: ClassVar[dict[str, tuple[int, ...]]] = {
        "temperature": (1, len(SIZES)),
        **{f"odds_{FIELD_NAMES[f]}": (1 if f == VELOCITY else 2, SIZES[f]) for f in range(len(SIZES))},
    }
    """Inputs that are 1 where a host does not give them, and their shapes."""

    def __init__(self, net: StreamNet) -> None:
        super().__init__()
        self.body, self.heads = BodyStep(net), net.heads
        self.states = self.body.states

    def forward(self, code: Tensor, begin: Tensor, sounding: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        n = len(self.states)
        uniform, temperature, odds = rest[n], rest[n + 1], rest[n + 2 :]
        base, *after = self.body(code, begin, sounding, *rest[:n])
        values: dict[int, Tensor] = {}
        given: Tensor | None = None
        for f in DRAWN_IN:
            logits = self.heads.logits(f, base, given, sounding) / temperature[:, f : f + 1]
            may = odds[f] if f == VELOCITY else odds[f][(values[VELOCITY] > 0).long()]
            values[f] = drawn(logits, may, uniform[:, f])
            if f != PITCH:  # the last: nothing is asked that would have to know it
                fact = self.heads.known[f](values[f])
                given = fact if given is None else given + fact
        return torch.stack([values[f] for f in range(len(SIZES))], dim=1), *after


def drawn(logits: Tensor, odds: Tensor, uniform: Tensor) -> Tensor:
    """The value (1,) at which the cumulative probability passes `uniform` (1,), -1 where all `odds` (1, K) are 0."""
    wide = torch.where(odds > 0, logits.double(), float("-inf"))
    mass = torch.exp(wide - wide.max(-1, keepdim=True).values) * odds.double()
    summed = torch.cumsum(mass, -1)
    passed = (summed <= uniform.double()[:, None] * summed[:, -1:]).sum(-1)
    last = torch.where(odds > 0, torch.arange(odds.shape[-1]), -1).max(-1).values
    return torch.minimum(passed, last)


def write_graph(module: nn.Module, path: Path, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> None:
    """Write `module` as a graph of these inputs, given as examples, and of these outputs."""
    with warnings.catch_warnings():
        # The tracing exporter is deprecated but still gives the smaller graph; torch's range in pyproject.toml is
        # bounded for its sake.
        warnings.simplefilter("ignore", DeprecationWarning)
        # Shapes are fixed here, which is what its other warnings are about.
        warnings.filterwarnings("ignore", category=torch.jit._trace.TracerWarning)
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(str(path))


def write_step_graphs(net: StreamNet, folder: Path, *, one_graph: bool = False) -> dict[str, tuple[int, ...]]:
    """Write the graphs of a net into `folder` in full precision; returns the shapes of its state by name."""
    body = BodyStep(net).eval()
    code, sounding = torch.zeros(1, 4, dtype=torch.int64), torch.zeros(1, net.config.features)
    state = {name: torch.zeros(shape) for name, shape in body.states.items()}
    heard = {"code": code, "begin": torch.zeros(1, 1), "sounding": sounding, **state}
    after = [f"next_{name}" for name in state]
    write_graph(body, folder / "body.onnx", heard, ["base", *after])
    asked = {
        "base": torch.zeros(1, net.config.head_width),
        "codes": code,
        "known": torch.zeros(1, 4),
        "sounding": sounding,
    }
    write_graph(HeadsStep(net).eval(), folder / "heads.onnx", asked, FIELD_NAMES)
    if one_graph:
        event = EventStep(net).eval()
        given = {name: torch.ones(shape) for name, shape in event.defaults.items()}
        inputs = {**heard, "uniform": torch.full((1, 4), 0.5), **given}
        write_graph(event, folder / "event.onnx", inputs, ["event", *after])
    return body.states


def give_defaults(path: Path, defaults: Mapping[str, tuple[int, ...]]) -> None:
    """Let a host leave these inputs out: each is 1 everywhere unless it is given."""
    model = onnx.load(str(path))
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in defaults.items()
    )
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def described(path: Path) -> dict[str, Any]:
    """The inputs and outputs of a graph as `bundle.json` tells them: name, dtype, shape, and whether it is optional."""
    graph = onnx.load(str(path)).graph
    optional = {tensor.name for tensor in graph.initializer}
    inputs = [_described(value) | ({"optional": True} if value.name in optional else {}) for value in graph.input]
    return {"inputs": inputs, "outputs": [_described(value) for value in graph.output]}


def _described(value: Any) -> dict[str, Any]:
    tensor = value.type.tensor_type
    dtype = str(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    return {"name": value.name, "dtype": dtype, "shape": [d.dim_value for d in tensor.shape.dim]}
