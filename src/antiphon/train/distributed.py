"""Several processes that train one net, on one host or many: what they draw, what they agree on, how they share it.

They are started by torch's own launcher, `torchrun`, which tells each its place by environment variables. All of them
do the same, each with its own part of every batch; what may differ from one to the other (a clock, a signal, a loss) is
added up or taken from the first before anything is decided by it, so that all decide alike.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import torch
import torch.distributed
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.nn.parallel import DistributedDataParallel

from antiphon.train.checkpoint import RunError
from antiphon.train.machine import chosen_device

__all__ = ["World", "joined"]

PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others before it gives up: the first may be preparing a corpus."""


@dataclass(frozen=True)
class World:
    """Who trains: this process's number, how many there are, and the device of this one."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes, shows and logs."""
        return self.rank == 0

    def part(self, n: int) -> slice:
        """Which of `n` windows are this process's."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def total(self, value: Tensor) -> Tensor:
        """The sum of all processes' `value`, in a tensor on this one's device."""
        value = value.to(self.device)
        if self.size > 1:
            value = value.clone()
            torch.distributed.all_reduce(value)
        return value

    def agreed(self, seconds: float, asked: bool) -> tuple[float, bool]:
        """The first process's `seconds`, and whether any of them was `asked`."""
        if self.size == 1:
            return seconds, asked
        mine = torch.tensor([seconds if self.is_first else 0.0, float(asked)], dtype=torch.float64)
        seconds, n_asked = self.total(mine).tolist()
        return seconds, n_asked > 0

    def wait(self) -> None:
        """Until all processes have come here."""
        self.total(torch.zeros(1)).cpu()

    def shared(self, net: nn.Module, body: nn.Module, *, shard: bool) -> nn.Module:
        """`net`, on this process's device, as one that all processes follow the gradient of together.

        With `shard` each of them keeps a part of the weights only and gathers a layer of `body` when it is needed
        (Zhao et al., "PyTorch FSDP", VLDB 2023); else each has a copy (Li et al., "PyTorch Distributed", VLDB 2020).
        """
        if self.size == 1:
            return net.to(self.device)
        if not shard:
            return DistributedDataParallel(net.to(self.device))
        mesh = init_device_mesh(torch.device(self.device).type, (self.size,))
        for layer in (part for group in body.children() if isinstance(group, nn.ModuleList) for part in group):
            if sum(p.numel() for p in layer.parameters()) >= LEAST_SHARD:
                fully_shard(layer, mesh=mesh)
        return cast(nn.Module, fully_shard(net, mesh=mesh))

    def adding_up(self, net: nn.Module, *, last: bool) -> AbstractContextManager[None]:
        """In it, gradients of `net` are added up here; of the `last` batch of a step, over all processes as well."""
        if isinstance(net, FSDPModule):
            net.set_requires_gradient_sync(last)
        elif isinstance(net, DistributedDataParallel) and not last:
            return cast("AbstractContextManager[None]", net.no_sync())
        return nullcontext()

    def stopped(self, error: BaseException, status: int) -> BaseException:
        """What to raise for what all processes have met: the first tells, the others just end with `status`."""
        return error if self.is_first else SystemExit(status)


LEAST_SHARD = 4096
"""Weights below which a layer (a norm) is not gathered by itself: it travels with what is around it."""


@contextmanager
def joined(device: str) -> Iterator[World]:
    """The processes that `torchrun` has started, or this one alone; `device` is one's name, or "auto".

    Raises RunError where a process has no GPU to itself.
    """
    size, local = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("LOCAL_RANK", 0))
    chosen = chosen_device(device)
    if size == 1:
        yield World(device=chosen)
        return
    if chosen == "cuda":
        if local >= torch.cuda.device_count():
            raise RunError(f"process {local} of this host has no GPU: start {torch.cuda.device_count()} of them a host")
        chosen = f"cuda:{local}"
        torch.cuda.set_device(local)
    torch.distributed.init_process_group("nccl" if chosen.startswith("cuda") else "gloo", timeout=PATIENCE)
    yield World(torch.distributed.get_rank(), size, chosen)
    torch.distributed.destroy_process_group()  # not after an error: the others may wait for what will never come
