"""Checkpoints: weights, optimiser and progress as safetensors and JSON, written beside and then renamed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from antiphon.train.nets import NetConfig, StreamNet

__all__ = ["RunError", "load_net", "load_state", "opened", "save"]


class RunError(ValueError):
    """A run that cannot be read or continued, in one line."""


def _optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"optimiser.{i}.{name}": value
        for i, state in optimiser.state_dict()["state"].items()
        for name, value in state.items()
    }


def save(path: Path, net: StreamNet, progress: dict[str, Any], optimiser: torch.optim.Optimizer | None = None) -> None:
    """Write one file: the net's weights, its shape and `progress`, and the optimiser's state when given."""
    tensors = {f"net.{name}": value.detach().contiguous().cpu() for name, value in net.state_dict().items()}
    if optimiser is not None:
        tensors |= _optimiser_tensors(optimiser)
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
    except (OSError, SafetensorError) as error:
        raise RunError(f"{path}: not a checkpoint ({error})") from error


def load_net(path: Path) -> tuple[StreamNet, dict[str, Any]]:
    """The net of a checkpoint, in evaluation mode, and the progress written with it."""
    tensors, metadata = opened(path)
    try:
        net = StreamNet(NetConfig(**json.loads(metadata["net"])))
        net.load_state_dict({key[4:]: value for key, value in tensors.items() if key.startswith("net.")})
        return net.eval(), json.loads(metadata["progress"])
    except (KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
        raise RunError(f"{path}: not a checkpoint of this version ({str(error).splitlines()[0]})") from error


def load_state(path: Path, optimiser: torch.optim.Optimizer) -> None:
    """Put the optimiser's state of a checkpoint into `optimiser`."""
    tensors, _ = opened(path)
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
