"""Many small tasks on a cluster: Dask's, one of this machine's processes or one that is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from antiphon.train.corpus import CorpusError
from antiphon.train.workers import Shown

__all__ = ["LOCAL", "started", "work_on_cluster"]

LOCAL = "dask"
"""The address that stands for a cluster of this machine's own processes."""

SECONDS = 20.0
"""How long a scheduler may take to answer."""

T = TypeVar("T")


def work_on_cluster(
    task: Callable[[T], int], work: Sequence[T], address: str, folder: Path, jobs: int, shown: Shown
) -> None:
    """Do `task` with each of `work` on the Dask cluster at `address`; it returns how many files it has read.

    At `LOCAL` one of `jobs` processes is started here, and ended. A worker that dies has its tasks done by another. The
    workers write to `folder`, which all of them have to see, and have to have this package. Raises CorpusError where
    there is no such cluster, its workers see something else, or a task has cost too many of them.
    """
    if not work:
        return
    with _client(address, jobs) as client:
        from distributed import KilledWorker, as_completed

        _check(client, folder)
        reading = client.map(task, work, pure=False)
        try:
            with shown.bar() as bar:
                for finished in as_completed(reading):
                    bar.update(finished.result())
        except KilledWorker as error:
            raise CorpusError("one worker after another died of a task (out of memory?): run it again") from error
        finally:
            client.cancel(reading)


@contextmanager
def _client(address: str, jobs: int) -> Iterator[Any]:
    """A connection to the cluster at `address`, and the cluster itself where it is to be `LOCAL`."""
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise CorpusError(
            f"a cluster needs {error.name}, which is not installed: pip install 'antiphon[dask]'"
        ) from error
    if address == LOCAL:
        with started(jobs) as cluster, Client(cluster) as client:
            yield client
        return
    try:
        client = Client(address, timeout=SECONDS)
    except (OSError, ValueError) as error:
        raise CorpusError(f"no Dask scheduler answers at {address!r} (as in tcp://host:8786): {error}") from error
    with client:
        yield client


@contextmanager
def started(jobs: int) -> Iterator[Any]:
    """A cluster of `jobs` processes of this machine; one that dies is replaced, however busy the machine is."""
    import dask
    from distributed import LocalCluster

    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "10 minutes"}),
        # Any free port of this machine for its page: with none named it is one that another cluster may have.
        LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
    ):
        yield cluster


def _check(client: Any, folder: Path) -> None:
    """Let every worker say whether it sees `folder` and has this package. Raises CorpusError."""
    try:
        sees = client.run(_sees, str(folder))
    except Exception as error:  # whatever it lacks: its own words say what
        raise CorpusError(f"a worker of the cluster cannot run this package: {error}") from error
    blind = sorted(worker for worker, seen in sees.items() if not seen)
    if not sees:
        raise CorpusError("the cluster has no workers")
    if blind:
        raise CorpusError(f"{folder}: not seen by {blind[0]}: name a folder that all workers of the cluster share")


def _sees(folder: str) -> bool:
    return Path(folder).is_dir()
