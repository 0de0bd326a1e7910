"""Downloads: the take of a jam, which may still be going on, as a MIDI file or as sound."""

from __future__ import annotations

import tempfile
from pathlib import Path

__all__ = ["midi_of", "wav_of"]


def midi_of(take: Path) -> bytes:
    """The take as a MIDI file, a track a voice. Raises `ValueError` or `OSError`, one line."""
    from antiphon.faces.export_take import programs_of
    from antiphon.ports.take import read_take

    kept = read_take(take)
    recorder = kept.recording()
    if not len(recorder.events()):
        raise ValueError("nothing has been played yet")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "take.mid"
        recorder.write(path, programs_of(kept), kept.span[0])
        return path.read_bytes()


def wav_of(take: Path) -> bytes:
    """The take as sound. Raises `ValueError` or `OSError`, one line."""
    from antiphon.faces.export_take import programs_of
    from antiphon.ports.sound import render_wav
    from antiphon.ports.take import read_take

    kept = read_take(take)
    events = kept.recording().events(origin=kept.span[0])
    if not len(events):
        raise ValueError("nothing has been played yet")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "take.wav"
        render_wav(events, path, programs=programs_of(kept))
        return path.read_bytes()
