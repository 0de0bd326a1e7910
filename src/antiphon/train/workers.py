"""Many small tasks on many processes: of this machine, one bar over all of them, nothing left running behind."""

from __future__ import annotations

import gc
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from typing import Any, TypeVar

from tqdm import tqdm

from antiphon.train.corpus import CorpusError

__all__ = ["Shown", "work_through"]

T = TypeVar("T")


@dataclass(frozen=True)
class Shown:
    """What is seen of the work: with `progress` a bar of `total` files, of which `done` were read before."""

    total: int
    done: int = 0
    progress: bool = False

    def bar(self) -> Any:
        return tqdm(total=self.total, initial=self.done, unit="file", desc="reading", disable=not self.progress)


def work_through(task: Callable[[T], int], work: Sequence[T], jobs: int, shown: Shown) -> None:
    """Do `task` with each of `work`, in this process or in `jobs` others; it returns how many files it has read.

    Raises CorpusError where a process was killed, and what a task raises.
    """
    if jobs == 1 or len(work) < 2:
        with shown.bar() as bar:
            for part in work:
                bar.update(task(part))
        return
    with ProcessPoolExecutor(min(jobs, len(work)), _start_method(), _become_worker) as pool:
        try:
            reading = [pool.submit(task, part) for part in work]
            with shown.bar() as bar:  # after the processes have started: it is a thread
                for finished in as_completed(reading):
                    bar.update(finished.result())
        except BrokenProcessPool as error:
            raise CorpusError("a reading process was killed (out of memory?): run it again to go on") from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _start_method() -> BaseContext:
    """Fork where that is safe, since it saves each process the imports: on Linux, with no thread but this one."""
    safe = sys.platform == "linux" and threading.active_count() == 1
    return multiprocessing.get_context("fork" if safe else "spawn")


def _become_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # a chunk makes no cycles worth looking for
    parent = multiprocessing.parent_process()
    if parent is not None:

        def end_with_parent(sentinel: int = parent.sentinel) -> None:
            multiprocessing.connection.wait([sentinel])
            os._exit(1)

        threading.Thread(target=end_with_parent, daemon=True).start()
