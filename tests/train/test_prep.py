"""A corpus holds each piece once, on one side, and appears whole or not at all."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antiphon.music.event import EVENT, Events
from antiphon.music.midi_write import score_from_events, write_midi
from antiphon.music.score import NOTE, TEMPO, Part, Score
from antiphon.train.corpus import INDEX, STORED, Corpus, CorpusError
from antiphon.train.fingerprint import sketch
from antiphon.train.piece import lengthened, stored
from antiphon.train.prep import Summary, prepare

# Most tests read in this process: starting others costs a second each.
HERE: dict[str, Any] = {"jobs": 1}


def melody(seed: int, *, notes: int = 120, transpose: int = 0, stretch: float = 1.0) -> Score:
    """A tune of its own over a bass, the same for the same seed but for its key and its tempo."""
    chance = np.random.default_rng(seed)
    table = np.empty(2 * notes, NOTE)
    onset = np.cumsum(chance.choice([120, 240, 480], notes)) * 2
    for row, low, high in ((slice(0, notes), 60, 80), (slice(notes, None), 36, 50)):
        table["onset"][row], table["duration"][row] = onset, 100
        table["pitch"][row] = chance.integers(low, high, notes) + transpose
        table["velocity"][row] = chance.integers(40, 100, notes)
    table = table[np.lexsort((table["pitch"], table["onset"]))]
    return Score(480, (Part(0, False, table),), np.array([(0, int(500_000 * stretch))], TEMPO))


def folder_of(path: Path, **scores: Score) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name, score in scores.items():
        write_midi(score, path / f"{name}.mid")
    return path


def many(path: Path, n: int, **options: Any) -> Path:
    return folder_of(path, **{f"p{i:03d}": melody(i, **options) for i in range(n)})


def manifest(corpus: Path) -> dict[str, dict[str, Any]]:
    lines = (corpus / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["path"]: row for row in map(json.loads, lines)}


def test_events_come_back_from_a_corpus_as_they_were_played(tmp_path: Path) -> None:
    score = melody(1)
    source = folder_of(tmp_path / "tunes", one=score, two=melody(2))
    prepare([source], tmp_path / "corpus", valid_fraction=0, **HERE)
    split = Corpus.open(tmp_path / "corpus").split("train")
    assert len(split) == 2
    assert split.sets == ("tunes",)
    piece, events = split.piece(0), score.events()
    assert piece.dtype == STORED
    at = np.cumsum(piece["delta"].astype(np.int64)) / 1000
    np.testing.assert_allclose(at, events["at"] - events["at"][0], atol=0.00051)
    for name in ("instrument", "pitch", "velocity"):
        assert piece[name].tolist() == events[name].tolist()
    assert split.index["seconds"][0] == pytest.approx(at[-1], abs=0.001)
    assert not piece.flags.writeable


def test_a_split_travels_to_another_process_without_its_shards(tmp_path: Path) -> None:
    prepare([many(tmp_path / "tunes", 3)], tmp_path / "corpus", **HERE)
    split = Corpus.open(tmp_path / "corpus").split("train")
    first = split.piece(0)
    parcel = pickle.dumps(split)
    assert len(parcel) < 3000
    assert (pickle.loads(parcel).piece(0) == first).all()


def test_every_file_has_a_line_that_says_what_became_of_it(tmp_path: Path) -> None:
    source = many(tmp_path / "tunes", 3)
    folder_of(source, short=melody(9, notes=4))
    (source / "broken.mid").write_bytes(b"this is no music")
    (source / "empty.MID").write_bytes(b"")
    shutil.copy(source / "p000.mid", source / "zz.mid")
    folder_of(source / "inner", hymn=melody(10))
    summary = prepare([source], tmp_path / "corpus", exclude=["inner"], **HERE)
    rows = manifest(tmp_path / "corpus")
    assert {path: row["status"] for path, row in rows.items()} == {
        "tunes/broken.mid": "refused",
        "tunes/empty.MID": "refused",
        "tunes/inner/hymn.mid": "excluded",
        "tunes/p000.mid": "ok",
        "tunes/p001.mid": "ok",
        "tunes/p002.mid": "ok",
        "tunes/short.mid": "too-short",
        "tunes/zz.mid": "duplicate",
    }
    assert rows["tunes/zz.mid"]["reason"] == "of tunes/p000.mid"
    assert "not a Standard MIDI File" in rows["tunes/broken.mid"]["reason"]
    assert (summary.files, summary.ok, summary.refused, summary.duplicates) == (8, 3, 2, 1)
    assert str(summary).startswith("8 files: 3 used (2 train, 1 valid, ")


def test_a_piece_in_another_key_and_tempo_is_a_duplicate(tmp_path: Path) -> None:
    source = folder_of(
        tmp_path / "tunes", a=melody(1), b=melody(1, transpose=5), c=melody(1, transpose=-3, stretch=1.5), d=melody(2)
    )
    prepare([source], tmp_path / "corpus", **HERE)
    rows = manifest(tmp_path / "corpus")
    assert [rows[f"tunes/{name}.mid"]["status"] for name in "abcd"] == ["ok", "duplicate", "duplicate", "ok"]


def test_versions_of_one_piece_stay_on_one_side(tmp_path: Path) -> None:
    """Each of twenty pieces comes in two versions that share half their music: too unlike to drop, too like to part."""
    source = tmp_path / "tunes"
    for i in range(20):
        whole, other = melody(i).parts[0].notes, melody(1000 + i).parts[0].notes
        mixed = np.concatenate([whole[:120], other[120:]])
        mixed["onset"][120:] += int(whole["onset"][119]) - int(other["onset"][120]) + 480
        folder_of(source, **{f"p{i}-a": melody(i), f"p{i}-b": Score(480, (Part(0, False, mixed),))})
    prepare([source], tmp_path / "corpus", valid_fraction=0.3, **HERE)
    rows = manifest(tmp_path / "corpus")
    for i in range(20):
        one, other = rows[f"tunes/p{i}-a.mid"], rows[f"tunes/p{i}-b.mid"]
        assert one["status"] == other["status"] == "ok"
        assert (one["piece"], one["split"]) == (other["piece"], other["split"])
    assert sum(row["split"] == "valid" for row in rows.values()) == 12


def test_a_given_split_is_kept_and_copies_across_it_leave_train(tmp_path: Path) -> None:
    source = tmp_path / "set"
    folder_of(source / "train" / "jazz", a=melody(1), b=melody(2), c=melody(3))
    folder_of(source / "valid" / "jazz", d=melody(4), e=melody(2, transpose=2))
    folder_of(source / "test" / "jazz", f=melody(5))
    prepare([source], tmp_path / "corpus", **HERE)
    rows = manifest(tmp_path / "corpus")
    assert {path: (row["status"], row["split"]) for path, row in rows.items()} == {
        "set/train/jazz/a.mid": ("ok", "train"),
        "set/train/jazz/b.mid": ("duplicate", ""),
        "set/train/jazz/c.mid": ("ok", "train"),
        "set/valid/jazz/d.mid": ("ok", "valid"),
        "set/valid/jazz/e.mid": ("ok", "valid"),
        "set/test/jazz/f.mid": ("excluded", ""),
    }


def test_a_split_is_the_same_every_time_and_another_with_another_seed(tmp_path: Path) -> None:
    source = many(tmp_path / "tunes", 30)
    hashes = [
        prepare([source], tmp_path / name, valid_fraction=0.2, seed=seed, **HERE).split_hash
        for name, seed in (("one", 0), ("two", 0), ("three", 1))
    ]
    assert hashes[0] == hashes[1] != hashes[2]
    corpus = Corpus.open(tmp_path / "one")
    assert corpus.split_hash == hashes[0]
    assert [len(corpus.split(side)) for side in ("train", "valid")] == [24, 6]


def test_processes_read_what_one_process_reads(tmp_path: Path) -> None:
    source = many(tmp_path / "tunes", 60)
    prepare([source], tmp_path / "one", jobs=1)
    prepare([source], tmp_path / "two", jobs=2)
    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


RUN = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background ignores it
from antiphon.train.prep import prepare
prepare([Path(sys.argv[1])], Path(sys.argv[2]), jobs={jobs})
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_run_is_taken_up_where_it_was(tmp_path: Path, jobs: int) -> None:
    source, out = many(tmp_path / "tunes", 49, notes=30), tmp_path / "corpus"
    for i in range(49, 49 * 8):  # the later files take long to read, so that the kill comes in their midst
        shutil.copy(source / f"p{i % 49:03d}.mid", source / f"p{i:03d}.mid")
    partial = tmp_path / "corpus.partial"
    run = subprocess.Popen([sys.executable, "-c", RUN.format(jobs=jobs), str(source), str(out)], start_new_session=True)
    wait_for(lambda: partial.is_dir() and len(list(partial.glob("chunk-*.arrays"))) >= 2, run)
    run.kill()
    run.wait()
    assert not out.exists(), "it was done before it could be killed"
    wait_for(lambda: not alive(run.pid), None)
    summary = prepare([source], out, **HERE)
    assert summary.reused >= 96
    assert summary.ok == 49
    assert not partial.exists()


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition: Any, run: subprocess.Popen[bytes] | None) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        assert run is None or run.poll() is None, "it ended before"
        time.sleep(0.001)


def test_ctrl_c_leaves_what_was_read_and_no_process(tmp_path: Path) -> None:
    source, out = many(tmp_path / "tunes", 1000, notes=400), tmp_path / "corpus"
    partial = tmp_path / "corpus.partial"
    run = subprocess.Popen(
        [sys.executable, "-c", RUN.format(jobs=2), str(source), str(out)],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: partial.is_dir() and any(partial.glob("chunk-*.arrays")), run)
    os.killpg(run.pid, signal.SIGINT)
    run.wait(timeout=60)
    assert run.returncode != 0
    assert not out.exists()
    wait_for(lambda: not alive(run.pid), None)


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    source, out = many(tmp_path / "tunes", 60), tmp_path / "corpus"
    (source / "p059.mid").write_bytes(b"MThd")
    before = chunks_of(source, out)
    write_midi(melody(59), source / "p059.mid")
    summary = prepare([source], out, **HERE)
    assert len(before) == 2
    assert (summary.reused, summary.ok) == (48, 60)


def chunks_of(source: Path, out: Path) -> list[Path]:
    """Read a source, but let its corpus fail, so that only what was read remains."""
    with pytest.raises(CorpusError, match="none of"):
        prepare([source], out, min_notes=10**9, **HERE)
    return sorted((out.parent / f"{out.name}.partial").glob("chunk-*.arrays"))


@pytest.mark.parametrize("trouble", ["missing", "empty", "taken", "all bad", "share", "key"])
def test_what_cannot_be_prepared_is_said_in_one_line(tmp_path: Path, trouble: str) -> None:
    source, out = tmp_path / "tunes", tmp_path / "corpus"
    share, key = 0.03, "as-is"
    if trouble != "missing":
        source.mkdir()
    if trouble == "taken":
        many(source, 1)
        many(out, 1)
    if trouble == "all bad":
        (source / "x.mid").write_bytes(b"x")
    if trouble == "share":
        many(source, 1)
        share = 1.0
    if trouble == "key":
        many(source, 1)
        key = "H"
    with pytest.raises(CorpusError) as refusal:
        prepare([source], out, valid_fraction=share, key=key, **HERE)
    assert "\n" not in str(refusal.value)
    assert not out.with_name("corpus.partial").exists() or trouble == "all bad"


def test_a_folder_that_is_no_corpus_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no corpus here"):
        Corpus.open(tmp_path)
    for content, says in (("{", "damaged"), ('{"format": 99}', "format"), ("[]", "format")):
        (tmp_path / "corpus.json").write_text(content)
        with pytest.raises(CorpusError, match=says):
            Corpus.open(tmp_path)


def test_a_corpus_that_has_lost_its_shards_says_so(tmp_path: Path) -> None:
    prepare([many(tmp_path / "tunes", 3)], tmp_path / "corpus", **HERE)
    corpus = Corpus.open(tmp_path / "corpus")
    np.save(tmp_path / "corpus" / "train-000.npy", np.empty(1, STORED))
    with pytest.raises(CorpusError, match="shorter"):
        corpus.split("train").piece(0)
    (tmp_path / "corpus" / "valid-000.npy").unlink()
    with pytest.raises(CorpusError, match="cannot be read"):
        corpus.split("valid").piece(0)
    np.save(tmp_path / "corpus" / "valid-index.npy", np.empty(1, STORED))
    with pytest.raises(CorpusError, match="something else"):
        corpus.split("valid")
    with pytest.raises(CorpusError, match="no split"):
        corpus.split("test")
    assert INDEX != STORED


def events_of(*rows: tuple[float, int, int, int]) -> Events:
    return np.array(list(rows), EVENT)


def test_notes_too_short_to_hear_are_lengthened_where_their_key_is_free() -> None:
    events = events_of((0, 0, 60, 80), (0.001, 0, 60, 0), (0.006, 0, 60, 80), (0.5, 0, 60, 0), (0.5, 128, 36, 9))
    events = np.append(events, events_of((0.501, 128, 36, 0)))
    assert lengthened(events)["at"].tolist() == [0, 0.006, 0.006, 0.5, 0.5, 0.51]


def test_rounding_does_not_add_up_and_silence_is_trimmed() -> None:
    at = 3.0 + np.arange(2000) * 0.0014
    events = np.zeros(2000, EVENT)
    events["at"], events["velocity"] = at, np.tile([80, 0], 1000)
    packed, seconds = stored(events)
    assert packed["delta"][0] == 0
    assert abs(int(packed["delta"].sum()) - 1999 * 1.4) <= 0.5
    assert seconds == pytest.approx(1999 * 0.0014)


def test_a_silence_longer_than_a_delta_holds_is_cut_to_it() -> None:
    packed, _ = stored(events_of((0, 0, 60, 80), (100.0, 0, 60, 0), (100.001, 0, 60, 8), (100.002, 0, 60, 0)))
    assert packed["delta"].tolist() == [0, 65535, 1, 1]


def test_drum_pieces_are_compared_by_what_is_struck() -> None:
    def beat(seed: int) -> Events:
        chance = np.random.default_rng(seed)
        notes = np.zeros(200, NOTE)
        notes["onset"], notes["duration"], notes["velocity"] = np.arange(200) * 120, 10, 90
        notes["pitch"] = chance.choice([36, 38, 42, 46], 200)
        return Score(480, (Part(0, True, notes),)).events()

    assert (sketch(beat(1)) == sketch(beat(1))).all()
    assert not np.isin(sketch(beat(1)), sketch(beat(2))).any()
    assert len(sketch(score_from_events(beat(1)).events())) > 100


def test_preparing_knows_nothing_of_torch() -> None:
    program = "import sys, antiphon.train.prep; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_summary_counts_what_the_corpus_holds(tmp_path: Path) -> None:
    summary: Summary = prepare([many(tmp_path / "tunes", 10)], tmp_path / "corpus", valid_fraction=0.2, **HERE)
    corpus = Corpus.open(tmp_path / "corpus")
    for side in ("train", "valid"):
        split = corpus.split(side)
        assert (summary.pieces[side], summary.events[side]) == (len(split), split.n_events)
        assert summary.seconds[side] == pytest.approx(float(split.index["seconds"].sum()), rel=1e-3)
        assert sum(len(split.piece(i)) for i in range(len(split))) == split.n_events
