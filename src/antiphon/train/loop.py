"""The training loop: draws batches, follows the gradient, keeps the best and the last checkpoint, can be resumed."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from antiphon.train.batches import Augment, Batch, Batches
from antiphon.train.checkpoint import RunError, load_net, load_state, save
from antiphon.train.corpus import Corpus
from antiphon.train.likelihood import nats, nats_of_batch, random_known
from antiphon.train.machine import native_bf16
from antiphon.train.nets import NetConfig, StreamNet
from antiphon.train.thaw import net_from
from antiphon.train.tune import TUNINGS, loosened, merged

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
    weights: dict[str, float] = field(default_factory=dict)  # a set's name -> multiplies its share
    augment: bool = True
    device: str = "auto"
    precision: str = "auto"  # bf16 or fp32
    compile: bool = False
    threads: int | None = None
    start: str | None = None  # a bundle, run or checkpoint to go on from, whose shape counts instead of `net`
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


def _device(config: TrainConfig) -> str:
    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=config.device)
    except (RuntimeError, AssertionError) as error:  # torch's words for: no such device, or none of this kind here
        raise RunError(f"device {config.device!r} cannot be used here ({str(error).splitlines()[0][:80]})") from error
    return config.device


def _precision(config: TrainConfig, device: str) -> torch.dtype:
    if config.precision == "auto":
        return torch.bfloat16 if device == "cuda" or native_bf16() else torch.float32
    return torch.bfloat16 if config.precision == "bf16" else torch.float32


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


def _optimiser(net: StreamNet, config: TrainConfig) -> torch.optim.AdamW:
    free = [p for p in net.parameters() if p.requires_grad]
    matrices = [p for p in free if p.ndim >= 2]
    rest = [p for p in free if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))


@contextmanager
def _stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Turns Ctrl-C and SIGTERM into a flag, so that a step in progress ends and is saved."""
    asked = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def _prefetched(batches: Batches, first: int) -> Generator[Batch, None, None]:
    """Batches `first`, `first + 1`, ... each prepared while the one before is used."""
    with ThreadPoolExecutor(1) as pool:
        step, pending = first, pool.submit(batches.batch, first)
        while True:
            batch = pending.result()
            step += 1
            pending = pool.submit(batches.batch, step)
            yield batch


class Run:
    """One training run in a folder: config.json, last.safetensors (to resume), best.safetensors, TensorBoard's log."""

    def __init__(self, corpus: Corpus, folder: Path, config: TrainConfig, *, resume: bool) -> None:
        self.folder, self.config, self.corpus = folder, config, corpus
        self.device = _device(config)
        self.dtype = _precision(config, self.device)
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.progress = Progress()
        last = folder / "last.safetensors"
        if resume and last.exists():
            self.net, saved = load_net(last)
            self.progress = Progress(**saved)
        elif last.exists():
            raise RunError(f"{folder}: holds a run already; go on with it by --resume, or give another folder")
        else:
            self.net = StreamNet(config.net) if config.start is None else net_from(Path(config.start))
        self.net.to(self.device).train()
        loosened(self.net, config.tuning, config.rank)
        self.optimiser = _optimiser(self.net, config)
        if self.progress.step and config.tuning != "lora":  # low ranks are merged when they are saved, and begin anew
            load_state(last, self.optimiser)
        self.batches = Batches(
            corpus.split("train"),
            length=config.length,
            size=config.size,
            seed=config.seed,
            weights=config.weights,
            augment=Augment() if config.augment else None,
        )
        self.forward = torch.compile(self.net) if config.compile else self.net
        folder.mkdir(parents=True, exist_ok=True)
        about = asdict(config) | {"corpus": corpus.info, "shares": self.batches.shares}
        (folder / "config.json").write_text(json.dumps(about, indent=1))

    def gradient(self, stream: Iterator[Batch]) -> float:
        """Add up the gradients of one step's batches; returns mean nats per event."""
        total = 0.0
        for part in range(self.config.accumulate):
            batch = next(stream).to(self.device)
            index = self.progress.step * self.config.accumulate + part
            generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + index)
            torch.manual_seed(self.config.seed * 1_000_003 + index)  # of dropout: a resumed run draws the same
            known = random_known((len(batch.codes), self.config.length), generator, self.device)
            with torch.autocast(self.device, self.dtype, enabled=self.dtype != torch.float32):
                loss = nats_of_batch(self.forward, batch, known).sum() / batch.real.sum()  # type: ignore[arg-type]
            (loss / self.config.accumulate).backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach()) / self.config.accumulate
        return total

    def step(self, stream: Iterator[Batch]) -> float:
        """One step of the optimiser; returns mean nats per event."""
        for group in self.optimiser.param_groups:
            group["lr"] = _rate(self.config, _share_done(self.config, self.progress))
        loss = self.gradient(stream)
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.progress.step += 1
        return loss

    def evaluate(self, log: SummaryWriter) -> bool:
        """Score the validation split and keep the best; true when patience has run out."""
        with torch.autocast(self.device, self.dtype, enabled=self.dtype != torch.float32):
            scores = nats(self.net, self.corpus.split("valid"), limit=self.config.evaluate_events)
        for name, value in scores.items():
            log.add_scalar(f"valid/{name}", value, self.progress.step)
        self.progress.validation = scores
        better = scores["nats_per_event"] < self.progress.best
        self.progress.best = min(self.progress.best, scores["nats_per_event"])
        self.progress.since_best = 0 if better else self.progress.since_best + 1
        if better:
            save(self.folder / "best.safetensors", merged(self.net), asdict(self.progress))
        self.save()
        return bool(self.config.patience) and self.progress.since_best >= self.config.patience

    def save_unfinished(self) -> None:
        """Keep all that a resume needs; and, before the first evaluation, something to export."""
        self.save()
        best = self.folder / "best.safetensors"
        if not best.exists():
            save(best, merged(self.net), asdict(self.progress))

    def save(self) -> None:
        save(self.folder / "last.safetensors", merged(self.net), asdict(self.progress), self.optimiser)


def train(
    corpus: Corpus,
    folder: Path,
    config: TrainConfig,
    *,
    resume: bool = False,
    clock: Callable[[], float] = time.monotonic,
    quiet: bool = False,
    evaluated: Callable[[StreamNet, Progress], None] | None = None,
) -> Progress:
    """Train until the run's end or early stop; `folder` then holds `best.safetensors` and `last.safetensors`.

    Ctrl-C and SIGTERM let the step in progress end, save, and raise KeyboardInterrupt with one line that says so.
    `clock` (seconds) measures `config.minutes`: wall time, or a process's own time to compare on a shared machine.
    `evaluated` is given the net after each evaluation, to hear how it does.
    """
    run = Run(corpus, folder, config, resume=resume)
    progress = run.progress
    stream = _prefetched(run.batches, progress.step * config.accumulate)
    with (
        closing(stream),
        closing(SummaryWriter(str(folder / "tensorboard"))) as log,
        _stop_on_signal() as asked,
        _Bar(config, quiet=quiet) as bar,
    ):
        if config.start is not None and not progress.step:
            run.evaluate(log)  # what it starts from is the best so far
        ended, mark = False, clock()
        while not ended and not asked() and _share_done(config, progress) < 1:
            began = progress.seconds
            loss = run.step(stream)
            now = clock()
            progress.seconds, mark = progress.seconds + now - mark, now
            if not math.isfinite(loss):
                raise RunError(
                    f"{folder}: the loss is no longer a number at step {progress.step}, which drew batch "
                    f"{(progress.step - 1) * config.accumulate} by seed {config.seed}; what is saved is from before "
                    "it: try a lower --learning-rate"
                )
            log.add_scalar("train/nats_per_event", loss, progress.step)
            bar.show(progress, loss, progress.seconds - began)
            if progress.step % config.evaluate_every == 0:
                ended = run.evaluate(log)
                if evaluated is not None:
                    evaluated(merged(run.net), progress)
                mark = clock()  # evaluating is not training
        if asked():
            run.save_unfinished()
            raise KeyboardInterrupt(f"{folder}: stopped and saved at step {progress.step}; --resume goes on")
        if progress.step % config.evaluate_every:
            run.evaluate(log)
            if evaluated is not None:
                evaluated(merged(run.net), progress)
    return progress


class _Bar:
    """The progress line: nats per event (smoothed), the last validation, events a second, minutes left."""

    def __init__(self, config: TrainConfig, *, quiet: bool) -> None:
        self.config, self.smooth = config, math.nan
        self.bar = tqdm(total=100, disable=quiet, bar_format="{percentage:3.0f}%|{bar:20}| {postfix}")

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def show(self, progress: Progress, loss: float, seconds: float) -> None:
        self.smooth = loss if math.isnan(self.smooth) else 0.98 * self.smooth + 0.02 * loss
        done = _share_done(self.config, progress)
        rate = self.config.size * self.config.length * self.config.accumulate / max(seconds, 1e-9)
        left = progress.seconds * (1 - done) / max(done, 1e-9) / 60
        valid = progress.validation.get("nats_per_event", math.nan)
        self.bar.n = round(100 * done, 1)
        self.bar.set_postfix_str(
            f"step {progress.step:,} · {self.smooth:.3f} nats/event · valid {valid:.3f} · "
            f"{rate:,.0f} events/s · {left:.0f} min left"
        )


def describe(progress: Progress) -> dict[str, Any]:
    """The figures of a run, for people and lineage."""
    return {"steps": progress.step, "minutes": round(progress.seconds / 60, 1), **progress.validation}
