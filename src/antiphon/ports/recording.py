"""A recording: sound made ready for a file, trimmed and normalised, written as WAV, FLAC or MP3, and its picture."""

from __future__ import annotations

import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from antiphon.ports.hall import Stereo
from antiphon.ports.sound import PEAK, SoundError, write_wav

__all__ = ["FORMATS", "check_format", "mastered", "trimmed", "waveform_picture", "write_recording"]

FORMATS = (".wav", ".flac", ".mp3")
QUIET = 10 ** (-66 / 20)
"""What is fainter than this share of the loudest sample is silence when a recording is trimmed."""
LEAD_IN, FADE = 0.02, 0.05
"""Seconds that are left before the first sound, and in which its last fades."""
_CODECS = {".flac": ("-c:a", "flac", "-sample_fmt", "s16"), ".mp3": ("-c:a", "libmp3lame", "-b:a", "320k")}


def check_format(path: Path) -> None:
    """Raise ValueError for a file that would not be written: another ending, or one that needs ffmpeg without it."""
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: a recording ends in {', '.join(FORMATS)}")
    if path.suffix.lower() != ".wav" and shutil.which("ffmpeg") is None:
        raise SoundError(
            f"{path}: {path.suffix.lower()} files need ffmpeg: apt install ffmpeg (Debian, Ubuntu) or "
            "brew install ffmpeg (macOS); .wav needs nothing"
        )


def trimmed(sound: Stereo, sample_rate: int) -> tuple[Stereo, int]:
    """`sound` (2, n) without the silence at its ends, its end faded, and how many samples went from its beginning."""
    loud = np.abs(sound).max(axis=0, initial=0.0)
    heard = np.flatnonzero(loud > QUIET * loud.max(initial=0.0))
    if not len(heard):
        return sound[:, :0], 0
    first = max(0, int(heard[0]) - round(LEAD_IN * sample_rate))
    kept = sound[:, first : int(heard[-1]) + 1 + round(FADE * sample_rate)].copy()
    n = min(kept.shape[1], round(FADE * sample_rate))
    kept[:, kept.shape[1] - n :] *= np.linspace(1, 0, n, dtype=np.float32)
    return kept, first


def mastered(sound: Stereo) -> Stereo:
    """`sound` with its loudest sample at -1 dB of full scale, without offset. Silence stays silence."""
    loudest = float(np.abs(sound).max(initial=0.0))
    return np.asarray(sound * np.float32(PEAK / loudest), np.float32) if loudest > 1e-9 else sound


def write_recording(sound: Stereo, path: Path, sample_rate: int) -> None:
    """Write `sound` (2, n), within -1..1, to `path`: 16-bit WAV by ourselves, FLAC and MP3 (320 kb/s) by ffmpeg.

    The file is written beside and then renamed. Raises SoundError when ffmpeg fails, OSError when it cannot be written.
    """
    check_format(path)
    kind = path.suffix.lower()
    if kind == ".wav":
        write_wav(sound, path, sample_rate)
        return
    beside = path.with_name(f".{path.stem}.part{kind}")
    source = ("-f", "f32le", "-ar", str(sample_rate), "-ac", "2", "-i", "-")
    try:
        made = subprocess.run(
            ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *source, *_CODECS[kind], f"file:{beside}"],
            input=np.ascontiguousarray(sound.T, "<f4").tobytes(),
            capture_output=True,
            check=False,
        )
        if made.returncode:
            lines = made.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
            raise SoundError(f"{path}: ffmpeg failed: {lines[-1]}")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


STRIP, MARGIN, GUTTER = 150, 32, 58
"""Pixels of the waveform's height, and what the piano roll leaves at its sides."""
BLUE, PALE, PAPER = (0, 98, 178), (148, 188, 222), (255, 255, 255)


def waveform_picture(sound: Stereo, sample_rate: int, roll: Path, out: Path, *, start: float, seconds: float) -> None:
    """Put the waveform of `sound` (2, n) below the piano roll at `roll`, and write both to `out` as a PNG.

    Its axis is `seconds` long, and the sound begins `start` seconds after it. Pale is the largest sample of each
    column, blue its loudness (root mean square); left is above the line, right below.
    """
    with Image.open(roll) as opened:
        score = opened.convert("RGB")
    picture = Image.new("RGB", (score.width, score.height + STRIP), PAPER)
    picture.paste(score, (0, 0))
    draw = ImageDraw.Draw(picture)
    left, right, middle = MARGIN + GUTTER, score.width - MARGIN, score.height + STRIP // 2 - 12
    edges = np.rint((np.linspace(0, seconds, right - left + 1) - start) * sample_rate).astype(int)
    height = STRIP / 2 - 16
    for x, (begin, end) in enumerate(pairwise(edges.tolist()), left):
        column = sound[:, max(begin, 0) : max(end, 0)]
        if column.shape[1]:
            peak = np.abs(column).max(axis=1) * height
            power = np.sqrt((column.astype(np.float64) ** 2).mean(axis=1)) * height
            draw.line((x, middle - peak[0], x, middle + peak[1]), PALE)
            draw.line((x, middle - power[0], x, middle + power[1]), BLUE)
    draw.line((left, middle, right, middle), BLUE)
    picture.save(out, "PNG", optimize=True)
