"""Training the net of counterpoint: hide cells, predict them, follow the gradient, keep the average of the weights.

The loss is Coconet's: cross-entropy of the hidden cells, each score's sum divided by how many are hidden (arXiv
1903.07227, section 3). A net that has learned so may go on with the loss by which such nets are judged, the likelihood
of a mixture of several orders: a step that one order makes plain need not be guessed where another hides too much.
Matrices of the blocks follow Muon (Jordan et al. 2024), everything else AdamW; what is judged and kept is an
exponential average of the weights.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from antiphon.codec.grid import Cells, encode, read_dataset
from antiphon.train.checkpoint import RunError, opened
from antiphon.train.chorale_data import Batch, Chorales
from antiphon.train.chorale_net import ChoraleNet, ChoraleNetConfig
from antiphon.train.machine import native_bf16

__all__ = ["ChoraleRun", "ChoraleTrainConfig", "load_chorale_net", "nats_of_orders", "nats_per_cell", "train_chorales"]

_VALIDATION_LENGTH, _VALIDATION_SIZE, _VALIDATION_SEED = 128, 16, 1
_APART = 0.75  # the power by which the product of a step's voices, each predicted apart, stands for all of them
_NEVER = -1e9  # the logarithm of a weight of nothing


@dataclass(frozen=True)
class ChoraleTrainConfig:
    """Everything about a run but its data. It ends after `steps`, or after `minutes` if that is given."""

    net: ChoraleNetConfig = field(default_factory=ChoraleNetConfig)
    length: int = 64  # steps a crop
    size: int = 16  # crops a batch
    long_share: float = 0.4  # the last share of the run is trained on crops twice as long, half as many
    steps: int = 16_000
    minutes: float | None = None
    learning_rate: float = 2e-3  # of AdamW
    matrix_rate: float = 0.02  # of Muon
    weight_decay: float = 0.05
    warm_up: float = 0.01  # of the run
    final_rate: float = 0.01  # of the rates, at the end of the cosine
    average: float = 0.999  # of the weights, a step
    clip: float = 1.0
    seed: int = 0
    evaluate_every: int = 500  # steps
    evaluate_crops: int = 320  # of the validation pieces, a crop counted in each of its orders
    threads: int = 1
    start: str | None = None  # a checkpoint whose averaged net it goes on from, of the same shape
    orders: int = 0  # 2 or more: learn, and be judged by, the mean of so many orders
    orders_share: float = 0.7  # of the loss; the rest is Coconet's

    def __post_init__(self) -> None:
        if not 0 <= self.orders <= _VALIDATION_SIZE or self.orders == 1:
            raise ValueError(f"orders must be 0 or from 2 to {_VALIDATION_SIZE}, not {self.orders}")


@dataclass
class _Progress:
    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    validation: float = math.nan


def _nats(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the hidden cells, 0 elsewhere, and which are hidden: (B, V, T) both."""
    cells, hidden = torch.from_numpy(batch.cells), torch.from_numpy(batch.hidden)
    each = F.cross_entropy(logits.float().flatten(0, 2), cells.flatten(), reduction="none").view_as(hidden)
    return each * hidden, hidden


def nats_per_cell(logits: Tensor, batch: Batch) -> Tensor:
    """Mean cross-entropy of the hidden cells of each score, shape (B,), from logits (B, V, T, K)."""
    nats, hidden = _nats(logits, batch)
    return nats.sum((1, 2)) / hidden.sum((1, 2))


def nats_of_orders(logits: Tensor, batch: Batch, orders: int) -> Tensor:
    """Nats a cell of each score, shape (B / orders,), if its steps are met in any of `orders` orders alike.

    Of `batch`, made by `Chorales.ordered`, so many rows are one score, each known up to a place of an order. The odds
    of a step are the mean of those it has where it is hidden, each weighted by how seldom it would be hidden there,
    since an order comes to it at every place alike.
    """
    nats, hidden = _nats(logits, batch)
    V, T = hidden.shape[1:]
    cells = hidden.sum(1)
    asked = cells > 0  # (B, T)
    steps = torch.from_numpy(batch.known | batch.hidden).any(1).sum(1, keepdim=True)
    weight = torch.where(asked, (steps / asked.sum(1, keepdim=True)).log(), _NEVER).view(-1, orders, T)
    power = _APART * V
    said = (power * nats.sum(1) / cells.clamp(min=1)).view(-1, orders, T)
    each = (weight.logsumexp(1) - (weight - said).logsumexp(1)) / power
    met = asked.view(-1, orders, T).any(1)
    return (each * met).sum(1) / met.sum(1)


def _loss(logits: Tensor, batch: Batch, orders: int) -> Tensor:
    return nats_of_orders(logits, batch, orders) if orders else nats_per_cell(logits, batch)


def _logits(net: torch.nn.Module, batch: Batch) -> Tensor:
    known, edges = torch.from_numpy(batch.known).float(), torch.from_numpy(batch.edges).float()
    logits: Tensor = net(torch.from_numpy(batch.cells), known, edges)
    return logits


def _optimisers(net: ChoraleNet, config: ChoraleTrainConfig) -> list[torch.optim.Optimizer]:
    matrices = [p for p in net.blocks.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    rest = [p for p in net.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=config.matrix_rate, weight_decay=config.weight_decay),
        torch.optim.AdamW(rest, lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


class ChoraleRun:
    """One training run in a folder: config.json, last.safetensors (to resume) and best.safetensors (the average)."""

    def __init__(
        self, train: Sequence[Cells], valid: Sequence[Cells], folder: Path, config: ChoraleTrainConfig
    ) -> None:
        self.folder, self.config = folder, config
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.net, self.average = ChoraleNet(config.net), ChoraleNet(config.net)
        if config.start is not None:
            self._begin_with(Path(config.start))
        self.average.load_state_dict(self.net.state_dict())
        self.average.eval().requires_grad_(False)
        self.optimisers = _optimisers(self.net, config)
        self.rates = [o.param_groups[0]["lr"] for o in self.optimisers]
        self.progress = _Progress()
        short = Chorales(train, length=config.length, size=config.size, seed=config.seed)
        long = Chorales(train, length=2 * config.length, size=max(config.size // 2, 1), seed=config.seed)
        self.batches = (short, long)
        judged = Chorales(
            valid, length=_VALIDATION_LENGTH, size=_VALIDATION_SIZE, seed=_VALIDATION_SEED, transpose=False
        )
        batches, orders = range(-(-config.evaluate_crops // _VALIDATION_SIZE)), config.orders
        self.judged = [
            judged.ordered(i, _VALIDATION_SIZE // orders, orders) if orders else judged.batch(i) for i in batches
        ]

    def _begin_with(self, path: Path) -> None:
        net, _ = load_chorale_net(path)
        if replace(net.config, dropout=0.0) != replace(self.config.net, dropout=0.0):
            raise RunError(f"{path}: a net of another shape than the one to be trained")
        self.net.load_state_dict(net.state_dict())

    def resume(self) -> None:
        """Go on from `last.safetensors`."""
        tensors, metadata = opened(self.folder / "last.safetensors")
        for name, net in (("net", self.net), ("average", self.average)):
            net.load_state_dict({k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")})
        for i, optimiser in enumerate(self.optimisers):
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in tensors.items():
                if key.startswith(f"optimiser{i}."):
                    _, index, part = key.split(".")
                    state.setdefault(int(index), {})[part] = value
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        self.progress = _Progress(**json.loads(metadata["progress"]))

    def share_done(self) -> float:
        c, p = self.config, self.progress
        return min(p.step / c.steps if c.minutes is None else p.seconds / (60 * c.minutes), 1.0)

    def step(self) -> float:
        """One step; the loss in nats per cell."""
        c, done = self.config, self.share_done()
        cosine = c.final_rate + (1 - c.final_rate) * 0.5 * (1 + math.cos(math.pi * done))
        for optimiser, rate in zip(self.optimisers, self.rates, strict=True):
            optimiser.param_groups[0]["lr"] = rate * cosine * min(done / c.warm_up + 0.02, 1.0)
        torch.manual_seed(c.seed * 1_000_003 + self.progress.step)  # of dropout: a resumed run draws the same
        self.net.train()
        loss = self._learn(self.batches[done >= 1 - c.long_share])
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), c.clip)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.progress.step += 1
        self._follow()
        return loss

    def _learn(self, crops: Chorales) -> float:
        """Add up the gradient of one step; its loss."""
        step, orders, share = self.progress.step, self.config.orders, self.config.orders_share
        if not orders:
            return self._add(crops.batch(step), 1.0)
        few = max(crops.size // 4, 1)
        many = -(-3 * crops.size // (4 * orders))  # the rest of the rows, rounded up to whole scores
        return self._add(crops.ordered(step, many, orders), share, orders) + self._add(
            crops.batch(step, few), 1 - share
        )

    def _add(self, batch: Batch, share: float, orders: int = 0) -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=native_bf16()):
            logits = _logits(self.net, batch)
        loss = share * _loss(logits, batch, orders).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    @torch.no_grad()
    def _follow(self) -> None:
        # Early on the average would remember the beginning for too long.
        share = min(self.config.average, self.progress.step / (self.progress.step + 10))
        for mean, value in zip(self.average.parameters(), self.net.parameters(), strict=True):
            mean.lerp_(value, 1 - share)

    @torch.no_grad()
    def evaluate(self) -> float:
        """Nats a cell of the validation crops by the averaged weights, in its own loss; saves, and keeps the best."""
        with torch.autocast("cpu", torch.bfloat16, enabled=native_bf16()):
            each = [_loss(_logits(self.average, batch), batch, self.config.orders) for batch in self.judged]
        value = torch.cat(each).mean().item()
        self.progress.validation = value
        if value < self.progress.best:
            self.progress.best = value
            self._write("best.safetensors", _named("average", self.average))
        self.save()
        return value

    def save(self) -> None:
        states = {
            f"optimiser{i}.{index}.{part}": torch.as_tensor(value)
            for i, optimiser in enumerate(self.optimisers)
            for index, state in optimiser.state_dict()["state"].items()
            for part, value in state.items()
        }
        self._write("last.safetensors", _named("net", self.net) | _named("average", self.average) | states)

    def _write(self, name: str, tensors: dict[str, Tensor]) -> None:
        path = self.folder / name
        beside = path.with_suffix(".partial")
        metadata = {"net": json.dumps(self.config.net.as_dict()), "progress": json.dumps(asdict(self.progress))}
        try:
            save_file({k: v.detach().contiguous() for k, v in tensors.items()}, beside, metadata)
            beside.replace(path)
        except (OSError, SafetensorError) as error:
            raise RunError(f"{path}: cannot be written ({error})") from error


def _named(prefix: str, net: ChoraleNet) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": value for name, value in net.state_dict().items()}


def load_chorale_net(path: Path) -> tuple[ChoraleNet, dict[str, Any]]:
    """The averaged net of a checkpoint, in evaluation mode, and the progress written with it."""
    tensors, metadata = opened(path)
    try:
        net = ChoraleNet(ChoraleNetConfig(**json.loads(metadata["net"])))
        net.load_state_dict({k.removeprefix("average."): v for k, v in tensors.items() if k.startswith("average.")})
        return net.eval(), json.loads(metadata["progress"])
    except (KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
        raise RunError(f"{path}: not a checkpoint of this version ({str(error).splitlines()[0]})") from error


def train_chorales(
    data: Path,
    folder: Path,
    config: ChoraleTrainConfig,
    *,
    resume: bool = False,
    clock: Callable[[], float] = time.monotonic,
    quiet: bool = False,
) -> dict[str, float]:
    """Train on the dataset's split `train`, choosing the checkpoint by `valid`. Ctrl-C saves, and `resume` goes on."""
    pieces = {split: [encode(piece) for piece in read_dataset(data, split)] for split in ("train", "valid")}
    last = folder / "last.safetensors"
    if last.exists() and not resume:
        raise RunError(f"{folder}: holds a run already; go on with it by --resume, or give another folder")
    run = ChoraleRun(pieces["train"], pieces["valid"], folder, config)
    folder.mkdir(parents=True, exist_ok=True)
    if last.exists():
        run.resume()
    (folder / "config.json").write_text(json.dumps(asdict(config), indent=1))
    smooth = math.nan
    with tqdm(total=100, disable=quiet, bar_format="{percentage:3.0f}%|{bar:20}| {postfix}") as bar:
        try:
            while run.share_done() < 1:
                mark = clock()
                loss = run.step()
                run.progress.seconds += clock() - mark
                if not math.isfinite(loss):
                    raise RunError(f"{folder}: the loss is no longer a number at step {run.progress.step}")
                smooth = loss if math.isnan(smooth) else 0.99 * smooth + 0.01 * loss
                if run.progress.step % config.evaluate_every == 0:
                    run.evaluate()
                _show(bar, run, smooth)
        except KeyboardInterrupt:
            run.save()
            raise KeyboardInterrupt(
                f"{folder}: stopped and saved at step {run.progress.step}; --resume goes on"
            ) from None
    run.evaluate()
    return asdict(run.progress)


def _show(bar: Any, run: ChoraleRun, smooth: float) -> None:
    p, done = run.progress, run.share_done()
    bar.n = round(100 * done, 1)
    left = p.seconds * (1 - done) / max(done, 1e-9) / 60
    bar.set_postfix_str(
        f"step {p.step:,} · {smooth:.3f} nats/cell · valid {p.validation:.4f} · {left:.0f} min left", refresh=False
    )
    bar.update(0)
