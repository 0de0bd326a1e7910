"""A corpus is read on a cluster as it is here, whichever of its workers live."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

import pytest

from antiphon.train import cluster
from antiphon.train.cluster import started, work_on_cluster
from antiphon.train.corpus import CorpusError
from antiphon.train.prep import prepare
from antiphon.train.workers import Shown


@pytest.fixture(scope="module")
def scheduler():
    """The address of a cluster of two processes, beside another one that has the port of Dask's page."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # somebody has it already
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        with started(2) as local:
            yield local.scheduler_address


def test_a_cluster_reads_what_this_process_reads(scheduler, tmp_path, monkeypatch):
    from tests.train.small import write_tunes  # which brings torch: the workers import this file without it

    monkeypatch.setattr("antiphon.train.prep.CHUNK", 3)
    write_tunes(tmp_path / "tunes")
    (tmp_path / "tunes" / "broken.mid").write_bytes(b"this is no music")
    prepare([tmp_path / "tunes"], tmp_path / "here", jobs=1)
    monkeypatch.chdir(tmp_path)  # where the workers are not
    summary = prepare([Path("tunes")], Path("there"), cluster=scheduler)
    assert (summary.files, summary.refused) == (13, 1)
    for file in sorted((tmp_path / "here").iterdir()):
        assert file.read_bytes() == (tmp_path / "there" / file.name).read_bytes()


def died_once(path: Path) -> int:
    """A task that its first worker does not survive, where it is the third."""
    if path.exists():
        return 1
    path.touch()
    if path.name == "2":
        os._exit(1)
    return 1


def test_what_a_dead_worker_had_is_done_by_another(scheduler, tmp_path):
    work = [tmp_path / f"{i}" for i in range(6)]
    work_on_cluster(died_once, work, scheduler, tmp_path, 2, Shown(6))
    assert all(path.exists() for path in work)


def test_a_cluster_that_cannot_be_used_is_said_so_in_one_line(scheduler, tmp_path, monkeypatch):
    with pytest.raises(CorpusError, match="not seen by tcp://"):
        work_on_cluster(died_once, [tmp_path], scheduler, tmp_path / "elsewhere", 2, Shown(1))
    monkeypatch.setattr(cluster, "SECONDS", 0.2)
    with pytest.raises(CorpusError, match="no Dask scheduler answers at 'tcp:"):
        work_on_cluster(died_once, [tmp_path], "tcp://127.0.0.1:1", tmp_path, 2, Shown(1))
    with pytest.raises(CorpusError, match="no Dask scheduler answers at 'moon'"):
        work_on_cluster(died_once, [tmp_path], "moon", tmp_path, 2, Shown(1))
