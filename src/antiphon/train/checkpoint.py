"""Checkpoints: weights, optimiser and progress as safetensors and JSON, written beside and then renamed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor

from antiphon.train.errors import RunError
from antiphon.train.families import net_of
from antiphon.train.nets import Net, NetConfig
from antiphon.train.tune import merged_weights

__all__ = ["RunError", "load_net", "load_state", "opened", "save", "whole"]


def _optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"optimiser.{i}.{name}": value
        for i, state in optimiser.state_dict()["state"].items()
        for name, value in state.items()
    }


def whole(tensors: Mapping[str, Tensor], *, keep: bool = True) -> dict[str, Tensor]:
    """`tensors` on the CPU, gathered where they are spread over processes, all of which then have to call this.

    A process that has no use for them does not `keep` them.
    """
    gathered = {}
    for name, value in tensors.items():
        value = value.full_tensor() if isinstance(value, DTensor) else value
        if keep:
            gathered[name] = value.detach().contiguous().cpu()
    return gathered


def save(
    path: Path,
    net: Net,
    progress: dict[str, Any],
    optimiser: torch.optim.Optimizer | None = None,
    *,
    write: bool = True,
) -> None:
    """Write one file: the net's weights, its shape and `progress`, and the optimiser's state when given.

    Of the processes that train a net spread over them all call this, and one is to `write`. Raises `RunError`.
    """
    tensors = {f"net.{name}": value for name, value in net.state_dict().items()}
    if optimiser is not None:
        tensors |= _optimiser_tensors(optimiser)
    tensors = whole(tensors, keep=write)
    if not write:
        return
    beside = path.with_suffix(".partial")
    try:
        save_file(tensors, beside, {"net": json.dumps(net.config.as_dict()), "progress": json.dumps(progress)})
        beside.replace(path)
    except (OSError, SafetensorError) as error:
        beside.unlink(missing_ok=True)
        free = shutil.disk_usage(path.parent).free >> 20
        raise RunError(f"{path}: cannot be written ({error}); {free} MiB are free") from error


def opened(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a checkpoint and what was written with them. Raises `RunError`, one line."""
    try:
        with safe_open(path, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118 (not a dict)
    except (OSError, RuntimeError, SafetensorError) as error:  # torch's own word for a file cut short
        raise RunError(f"{path}: not a checkpoint ({error})") from error


def load_net(path: Path, loosen: Callable[[Net], Net] | None = None) -> tuple[Net, dict[str, Any]]:
    """The net of a checkpoint, in evaluation mode, and the progress written with it.

    Low-rank changes are merged; with `loosen`, what makes a net one that has them, they are taken up as they were.
    Raises `RunError`, one line.
    """
    tensors, metadata = opened(path)
    weights = {key[4:]: value for key, value in tensors.items() if key.startswith("net.")}
    try:
        net = net_of(NetConfig(**json.loads(metadata["net"])))
        if loosen is not None:
            net = loosen(net)
        net.load_state_dict(merged_weights(weights) if loosen is None else weights)
        return net.eval(), json.loads(metadata["progress"])
    except (KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
        raise RunError(f"{path}: not a checkpoint of this version ({str(error).splitlines()[0]})") from error


def load_state(path: Path, optimiser: torch.optim.Optimizer) -> None:
    """Put the optimiser's state of a checkpoint into `optimiser`, of each tensor the part that is this process's."""
    tensors, _ = opened(path)
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = _spread(value, parameters[int(index)])
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _spread(value: Tensor, like: Tensor) -> Tensor:
    """`value` spread over processes as `like` is. Every process has read all of it, so that nothing is sent."""
    if not isinstance(like, DTensor) or value.shape != like.shape:  # a count of steps is everybody's
        return value
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)
