"""The training loop: draws batches, follows the gradient, keeps the best and the last checkpoint, can be resumed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor

from antiphon.train.batches import Augment, Batches
from antiphon.train.checkpoint import RunError, load_net, load_state, save, whole
from antiphon.train.corpus import Corpus
from antiphon.train.distributed import World
from antiphon.train.families import AnyBatch, batches_of, net_of, scored, summed_nats
from antiphon.train.machine import chosen_device, chosen_precision, stop_on_signal
from antiphon.train.nets import Net, NetConfig
from antiphon.train.show import Bar, Log
from antiphon.train.thaw import net_from
from antiphon.train.tune import TUNINGS, loosened, merged, merged_weights, with_beats

__all__ = ["Progress", "Run", "TrainConfig", "describe", "train"]


@dataclass(frozen=True)
class TrainConfig:
    """Everything about a run but the corpus. It ends after `steps`, or after `minutes` of training if that is given."""

    net: NetConfig = field(default_factory=NetConfig)
    length: int = 256  # events a window
    size: int = 32  # windows a batch
    accumulate: int = 1  # batches a step
    steps: int = 10_000
    minutes: float | None = None
    learning_rate: float = 1e-3
    warm_up: float = 0.02  # of the run
    final_rate: float = 0.02  # of the learning rate, at the end of the cosine
    weight_decay: float = 0.01
    clip: float = 1.0
    seed: int = 0
    evaluate_every: int = 250  # steps
    evaluate_events: int = 200_000
    patience: int = 0  # evaluations without a better one before the run ends; 0: never
    save_every: float = 2.0  # minutes, beside after each evaluation: what a power cut may cost
    weights: dict[str, float] = field(default_factory=dict)  # a set's name -> multiplies its share
    augment: bool = True
    device: str = "auto"
    precision: str = "auto"  # bf16 or fp32
    compile: bool = False
    shard: bool = False  # where several processes train: each keeps only its part of the weights
    threads: int | None = None
    start: str | None = None  # a bundle, run or checkpoint to go on from, whose shape counts; of `net` only `beat`
    tuning: str = "full"  # of what it starts from; see `tune.TUNINGS`
    rank: int = 8  # of the low-rank changes

    def __post_init__(self) -> None:
        if self.tuning not in TUNINGS:
            raise ValueError(f"nothing is tuned by {self.tuning!r}: there are {', '.join(TUNINGS)}")
        if self.tuning != "full" and self.start is None:
            raise ValueError(f"tuning {self.tuning} changes a model that is there: say which one to start from")
        for name in ("length", "size", "accumulate", "steps", "evaluate_every", "evaluate_events", "rank"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise ValueError(f"minutes must be more than 0, not {self.minutes:g}")
        if not 0 <= self.save_every < math.inf:
            raise ValueError(f"save_every must be 0 minutes or more, not {self.save_every:g}")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads must be 1 or more, not {self.threads}")


@dataclass
class Progress:
    """Where a run stands; all that a resume needs beside the weights and the optimiser's state."""

    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    since_best: int = 0
    validation: dict[str, float] = field(default_factory=dict)


def _share_done(config: TrainConfig, progress: Progress) -> float:
    if config.minutes is not None:
        return min(progress.seconds / (60 * config.minutes), 1.0)
    return min(progress.step / config.steps, 1.0)


def _rate(config: TrainConfig, done: float) -> float:
    """Linear warm-up, then a cosine to `final_rate`."""
    if done < config.warm_up:
        return config.learning_rate * max(done / config.warm_up, 0.01)
    cosine = 0.5 * (1 + math.cos(math.pi * (done - config.warm_up) / (1 - config.warm_up)))
    return config.learning_rate * (config.final_rate + (1 - config.final_rate) * cosine)


def _optimiser(net: Net, config: TrainConfig) -> torch.optim.AdamW:
    free = [p for p in net.parameters() if p.requires_grad]
    matrices = [p for p in free if p.ndim >= 2]
    rest = [p for p in free if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))


def _prefetched(batches: Batches, first: int) -> Generator[AnyBatch, None, None]:
    """Batches `first`, `first + 1`, ... each prepared while the one before is used."""
    with ThreadPoolExecutor(1) as pool:
        step, pending = first, pool.submit(batches.batch, first)
        while True:
            batch = pending.result()
            step += 1
            pending = pool.submit(batches.batch, step)
            yield batch


class Run:
    """One training run in a folder: config.json, last.safetensors (to resume), best.safetensors, TensorBoard's log.

    All processes of a `world` have one, of which the first writes the folder and the others only read it.
    """

    def __init__(self, corpus: Corpus, folder: Path, config: TrainConfig, world: World, *, resume: bool) -> None:
        self.folder, self.config, self.corpus, self.world = folder, config, corpus, world
        self.last = folder / "last.safetensors"
        if config.size < world.size:
            raise RunError(f"{world.size} processes cannot share {config.size} windows a batch: give a larger --size")
        self.precision = chosen_precision(config.precision, world.device)
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.net, self.progress = self._begun(resume)
        self.shared = world.shared(self.net.train(), self.net.body, shard=config.shard)
        self.optimiser = _optimiser(self.net, config)
        if self.progress.step:
            load_state(self.last, self.optimiser)
        self.saved = self.progress.seconds
        self.batches = batches_of(
            self.net,
            corpus.split("train"),
            length=config.length,
            size=config.size,
            seed=config.seed,
            weights=config.weights,
            augment=Augment() if config.augment else None,
            part=world.part(config.size),
        )
        self.forward = torch.compile(self.shared) if config.compile else self.shared
        if world.is_first:
            folder.mkdir(parents=True, exist_ok=True)
            about = asdict(config) | {"corpus": corpus.info, "shares": self.batches.shares, "processes": world.size}
            (folder / "config.json").write_text(json.dumps(about, indent=1))

    def _begun(self, resume: bool) -> tuple[Net, Progress]:
        """The net and where it stands: those last saved, or at the beginning."""
        config = self.config
        if resume and self.last.exists():
            net, saved = load_net(self.last, lambda net: loosened(net, config.tuning, config.rank))
            return net, Progress(**saved)
        if self.last.exists():
            raise RunError(f"{self.folder}: holds a run already; go on with it by --resume, or give another folder")
        net = net_of(config.net) if config.start is None else net_from(Path(config.start))
        net = with_beats(net) if config.net.beat else net
        return loosened(net, config.tuning, config.rank), Progress()

    def gradient(self, stream: Iterator[AnyBatch]) -> float:
        """Add up the gradients of one step's batches; returns mean nats per event, over all processes."""
        world, config = self.world, self.config
        total = torch.zeros((), device=world.device)
        for i in range(config.accumulate):
            batch = next(stream).to(world.device)
            with world.adding_up(self.shared, last=i == config.accumulate - 1):
                loss = self.loss(batch, self.progress.step * config.accumulate + i) / config.accumulate
                (loss * world.size).backward()  # type: ignore[no-untyped-call]  # of which the processes take the mean
            total += loss.detach()
        return float(world.total(total))

    def loss(self, batch: AnyBatch, index: int) -> Tensor:
        """Nats of this process's part of the batch `index`, per event of all of it."""
        world, config = self.world, self.config
        seed = config.seed * 1_000_003 + index
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed * world.size + world.rank)  # of dropout: a resumed run draws the same
        n_events = world.total(batch.events)
        with self.autocast():
            return summed_nats(self.forward, batch, generator, config.size, world.part(config.size)) / n_events

    def autocast(self) -> torch.autocast:
        """In it, what can be is computed at the run's precision."""
        kind = torch.device(self.world.device).type
        return torch.autocast(kind, self.precision, enabled=self.precision != torch.float32)

    def step(self, stream: Iterator[AnyBatch]) -> float:
        """One step of the optimiser; returns mean nats per event. Raises RunError, and moves nothing, for a NaN."""
        for group in self.optimiser.param_groups:
            group["lr"] = _rate(self.config, _share_done(self.config, self.progress))
        loss = self.gradient(stream)
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip)
        norm = norm.full_tensor() if isinstance(norm, DTensor) else norm
        self.progress.step += 1
        if not (math.isfinite(loss) and math.isfinite(float(norm))):
            raise self.world.stopped(RunError(self._not_a_number(loss)), 1)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return loss

    def _not_a_number(self, loss: float) -> str:
        what = "gradient" if math.isfinite(loss) else "loss"
        return (
            f"{self.folder}: the {what} is no longer a number at step {self.progress.step}, which drew batch "
            f"{(self.progress.step - 1) * self.config.accumulate} by seed {self.config.seed}; what is saved is from "
            "before it: try a lower --learning-rate"
        )

    def evaluate(self, log: Log) -> bool:
        """Score the validation split and keep the best; true when patience has run out.

        Every process scores all of it, since waiting would be no quicker, and the first one's figures count.
        """
        with self.autocast():
            scores = scored(self.net, self.corpus.split("valid"), limit=self.config.evaluate_events)
        scores = {name: self.world.agreed(value, False)[0] for name, value in scores.items()}
        log.add("valid", scores, self.progress.step)
        self.progress.validation = scores
        better = scores["nats_per_event"] < self.progress.best
        self.progress.best = min(self.progress.best, scores["nats_per_event"])
        self.progress.since_best = 0 if better else self.progress.since_best + 1
        if better:
            self.save_best()
        self.save()
        return bool(self.config.patience) and self.progress.since_best >= self.config.patience

    def plain(self) -> Net | None:
        """The net as one that is whole and was never tuned by low ranks; None for all processes but the first."""
        if not isinstance(self.net, FSDPModule):
            return merged(self.net) if self.world.is_first else None
        weights = merged_weights(whole(self.net.state_dict(), keep=self.world.is_first))
        if not self.world.is_first:
            return None
        net = net_of(self.net.config)
        net.load_state_dict(weights)
        return net.eval()

    def save_best(self) -> None:
        net = self.plain()
        if net is not None:
            save(self.folder / "best.safetensors", net, asdict(self.progress))

    def save(self) -> None:
        """Keep all that a resume needs."""
        save(self.last, self.net, asdict(self.progress), self.optimiser, write=self.world.is_first)
        self.saved = self.progress.seconds

    def save_now_and_then(self) -> None:
        """Keep it where the last time was long ago, so that whatever happens costs little."""
        if self.progress.seconds - self.saved >= 60 * self.config.save_every:
            self.save()

    def save_unfinished(self) -> None:
        """Keep all that a resume needs; and, before the first evaluation, something to export."""
        self.save()
        if math.isinf(self.progress.best):
            self.save_best()


def train(
    corpus: Corpus,
    folder: Path,
    config: TrainConfig,
    *,
    resume: bool = False,
    clock: Callable[[], float] = time.monotonic,
    quiet: bool = False,
    evaluated: Callable[[Net, Progress], None] | None = None,
    world: World | None = None,
) -> Progress:
    """Train until the run's end or early stop; `folder` then holds `best.safetensors` and `last.safetensors`.

    Ctrl-C and SIGTERM let the step in progress end, save, and raise KeyboardInterrupt with one line that says so.
    `clock` (seconds) measures `config.minutes`: wall time, or a process's own time to compare on a shared machine.
    `evaluated` is given the net after each evaluation, to hear how it does. In a `world` of several processes all call
    this alike; the first one's clock counts, and a signal to one of them stops all at the same step.
    """
    world = World(device=chosen_device(config.device)) if world is None else world
    run = Run(corpus, folder, config, world, resume=resume)
    world.wait()  # until all have seen what is in the folder
    progress = run.progress
    stream = _prefetched(run.batches, progress.step * config.accumulate)

    def evaluate() -> bool:
        out_of_patience = run.evaluate(log)
        net = run.plain()
        if evaluated is not None and net is not None:
            evaluated(net, progress)
        return out_of_patience

    with (
        closing(stream),
        closing(Log(folder if world.is_first else None)) as log,
        stop_on_signal() as asked,
        Bar(quiet=quiet or not world.is_first) as bar,
    ):
        if config.start is not None and not progress.step:
            run.evaluate(log)  # what it starts from is the best so far
        ended, stopped, mark = False, world.agreed(0, asked())[1], clock()
        while not ended and not stopped and _share_done(config, progress) < 1:
            loss = run.step(stream)
            now = clock()
            seconds, stopped = world.agreed(now - mark, asked())
            progress.seconds, mark = progress.seconds + seconds, now
            log.add("train", {"nats_per_event": loss}, progress.step)
            bar.show(
                step=progress.step,
                loss=loss,
                valid=progress.validation.get("nats_per_event", math.nan),
                rate=config.size * config.length * config.accumulate / max(seconds, 1e-9),
                done=_share_done(config, progress),
                seconds=progress.seconds,
            )
            if progress.step % config.evaluate_every == 0:
                ended = evaluate()
                mark = clock()  # evaluating is not training
            else:
                run.save_now_and_then()
        if stopped and not ended and _share_done(config, progress) < 1:
            run.save_unfinished()
            told = f"{folder}: stopped and saved at step {progress.step}; --resume goes on"
            raise world.stopped(KeyboardInterrupt(told), 130)
        if progress.step % config.evaluate_every:
            evaluate()
    return progress


def describe(progress: Progress) -> dict[str, Any]:
    """The figures of a run, for people and lineage."""
    return {"steps": progress.step, "minutes": round(progress.seconds / 60, 1), **progress.validation}
