"""Csound: an orchestra and a score of our own writing, performed by the program `csound` as a process of its own.

Every note is one line of the score with its own frequency, level, place and envelope. Instruments are sampled (looped
tones in velocity layers that are mixed by how hard a key is struck) or synthesised: organs add sines, strings and pads
are three filtered saws, bells modulate frequency (J. M. Chowning, 1973). All play in a hall by convolution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from antiphon.music.event import is_drum, program_of
from antiphon.ports.csound_samples import Layer, drums, layers, nearest_root, strengths, write_sample, write_samples
from antiphon.ports.general_midi import PROGRAM_VOICES
from antiphon.ports.hall import Stereo, impulse_response
from antiphon.ports.performance import Performance, Progress, raw_sound

__all__ = ["csound_score", "play_csound"]

PARTITION = 512
"""Samples that the convolution is late; the response is cut by as many, which are silent in it."""
SAMPLED, ORGAN, STRINGS, BELLS, LEAD, HALL = 1, 2, 3, 4, 5, 99
SYNTHESISED = {
    **dict.fromkeys(range(8, 16), BELLS),
    **dict.fromkeys(range(16, 21), ORGAN),
    **dict.fromkeys(range(48, 52), STRINGS),
    **dict.fromkeys(range(80, 88), LEAD),
    **dict.fromkeys(range(88, 96), STRINGS),
}
"""Which instrument plays a General MIDI program; all others are sampled."""
LEVELS = {SAMPLED: 1.0, ORGAN: 0.22, STRINGS: 0.3, BELLS: 0.4, LEAD: 0.2}
DRUM_RING = 2.0
HALL_TABLES = (1, 2)
DRAWBARS = 3

ORCHESTRA = """\
sr = {rate}
ksmps = 64
nchnls = 2
0dbfs = 1
gaLeft init 0
gaRight init 0

; Place a sound between left and right with equal power, dry and on its way to the hall.
opcode Placed, 0, ai
  aSound, iPan xin
  iAngle = (iPan + 1) * $M_PI / 4
  aLeft = aSound * cos(iAngle)
  aRight = aSound * sin(iAngle)
  outs aLeft, aRight
  gaLeft += aLeft
  gaRight += aRight
endop

; p4 Hz, p5 level, p6 pan, p7 attack, p8 seconds to fall by 60 dB (0: none), p9 release
opcode Shaped, a, iiii
  iLasts, iAttack, iFall, iRelease xin
  aShape transeg 0, iAttack, 0, 1, iLasts - iAttack - iRelease, 0, 1, iRelease, -5, 0
  if iFall > 0 then
    aFalling expon 1, iFall, 0.001
    aShape = aShape * aFalling
  endif
  xout aShape
endop

; Sampled: p10 and p11 the tables of two strengths, p12 how much of the stronger, p13 Hz of the table played sample by
; sample, p14 and p15 what repeats in it.
instr 1
  aAt lphasor p4 / p13, p14, p15, 1
  aSoft table3 aAt, p10
  aStrong table3 aAt, p11
  aShape Shaped p3, p7, p8, p9
  Placed((aSoft + (aStrong - aSoft) * p12) * aShape * p5, p6)
endin

; Organ: nine drawbars.
instr 2
  aSound oscili p5, p4, 3
  aShape Shaped p3, p7, p8, p9
  Placed(aSound * aShape, p6)
endin

; Strings and pads: three saws, the outer two four cents away on either side, duller when soft (p10 Hz).
instr 3
  aMiddle vco2 0.5 * p5, p4
  aBelow vco2 0.25 * p5, p4 * cent(-4), 0, 0, 0.3
  aAbove vco2 0.25 * p5, p4 * cent(4), 0, 0, 0.6
  aDull butterlp aMiddle + aBelow + aAbove, p10
  aShape Shaped p3, p7, p8, p9
  Placed(aDull * aShape, p6)
endin

; Bells and bars: a modulator at 3.5 times the frequency, which dies first.
instr 4
  kIndex expon p10, p8 * 0.5, 0.01
  aSound foscili p5, p4, 1, 3.5, kIndex
  aShape Shaped p3, p7, p8, p9
  Placed(aSound * aShape, p6)
endin

; Lead: one saw, filtered.
instr 5
  aSaw vco2 p5, p4
  aDull butterlp aSaw, p10
  aShape Shaped p3, p7, p8, p9
  Placed(aDull * aShape, p6)
endin

; The hall: what all have sent, convolved with its response at each side; p4 how much of it.
instr 99
  aLeft ftconv gaLeft * p4, 1, {partition}
  aRight ftconv gaRight * p4, 2, {partition}
  outs aLeft, aRight
  gaLeft = 0
  gaRight = 0
endin
"""

DOCUMENT = """\
<CsoundSynthesizer>
<CsInstruments>
{orchestra}
</CsInstruments>
<CsScore>
{score}
e
</CsScore>
</CsoundSynthesizer>
"""


@dataclass
class _Sheet:
    """The lines of a score as they are written, and the samples that they play."""

    used: list[Layer] = field(default_factory=list)
    notes: list[tuple[float, float, int, tuple[float | str, ...]]] = field(default_factory=list)

    @property
    def end(self) -> float:
        return max((at + lasts for at, lasts, _, _ in self.notes), default=0.0)


def csound_score(
    performance: Performance, folder: Path, *, reverb: float = 0.0, hall: float = 2.2
) -> tuple[str, float]:
    """The text of a .csd file that plays `performance`, and its length in seconds; its samples go into `folder`.

    `reverb` 0..1 is how much is heard of a hall that rings for `hall` seconds.
    """
    sheet = _Sheet()
    _write_melodies(performance, sheet)
    _write_drums(performance, sheet)
    tables = write_samples(sheet.used, folder)
    rows = [f'f {number} 0 0 -1 "{path.name}" 0 0 1' for number, path in tables.values()]
    rows.append(f"f {DRAWBARS} 0 8192 10 1 0.8 0.6 0.45 0 0.3 0 0.25")
    seconds = sheet.end + (hall if reverb else 0.05)
    if reverb:
        response = impulse_response(hall, performance.sample_rate)[:, PARTITION:]
        # Sixteen bits hold a response whose peak is 1; its level goes with what is sent.
        peak = float(np.abs(response).max())
        for number, side in zip(HALL_TABLES, response, strict=True):
            write_sample(side / peak, performance.sample_rate, folder / f"hall_{number}.wav")
            rows.append(f'f {number} 0 0 -1 "hall_{number}.wav" 0 0 1')
        rows.append(f"i {HALL} 0 {seconds:.4f} {reverb * peak:.6f}")
    for at, lasts, instrument, values in sorted(sheet.notes, key=lambda note: note[:3]):
        given = [str(tables[value][0]) if isinstance(value, str) else f"{value:.6f}" for value in values]
        rows.append(f"i {instrument} {at:.6f} {lasts:.6f} {' '.join(given)}")
    orchestra = ORCHESTRA.format(rate=performance.sample_rate, partition=PARTITION)
    text = DOCUMENT.format(orchestra=orchestra, score="\n".join(rows))
    return text, seconds


def _write_melodies(performance: Performance, sheet: _Sheet) -> None:
    for at, held, instrument, pitch, velocity in performance.notes().tolist():
        if is_drum(instrument):
            continue
        program = performance.programs.get(instrument, program_of(instrument))
        voice = PROGRAM_VOICES[program]
        which = SYNTHESISED.get(program, SAMPLED)
        hertz = performance.hertz(pitch)
        sounding = 69 + 12 * math.log2(hertz / 440)
        fall = (voice.fall or (2.0 if which == BELLS else 0.0)) * 2 ** ((60 - sounding) / 18)
        attack = min(voice.attack, max(held, 0.005))
        lasts = max(held, attack + 0.001) + voice.release
        if fall:
            lasts = max(min(lasts, 1.5 * fall), attack + voice.release + 0.001)
        level = LEVELS[which] * (velocity / 127) ** 2
        values: tuple[float | str, ...] = (
            hertz, level, performance.pans.get(instrument, 0.0), attack, fall, voice.release,
        )  # fmt: skip
        if which == SAMPLED:
            values += _sample_fields(layers(voice.tone, nearest_root(sounding)), velocity, performance, sheet)
        elif which == BELLS:
            values += (0.3 + 2.5 * velocity / 127,)
        elif which in (STRINGS, LEAD):
            values += (min(0.4 * performance.sample_rate, 2 * hertz + 6000 * (velocity / 127) ** 1.5),)
        sheet.notes.append((at, lasts, which, values))


def _sample_fields(
    made: tuple[Layer, ...], velocity: int, performance: Performance, sheet: _Sheet
) -> tuple[float | str, ...]:
    below, above, share = strengths(velocity)
    pair = (made[below], made[above])
    sheet.used += pair
    sample = pair[0].sample
    return (pair[0].name, pair[1].name, share, pair[0].hertz * performance.sample_rate / sample.rate, *pair[0].loop)


def _write_drums(performance: Performance, sheet: _Sheet) -> None:
    """Drums are played whole; one of a class ends the one before it."""
    kit = drums()
    ringing: dict[tuple[int, int], int] = {}
    for at, _, instrument, key, velocity in performance.notes().tolist():
        if not is_drum(instrument) or key not in kit:
            continue
        drum = kit[key]
        sample = drum.layer.sample
        sheet.used.append(drum.layer)
        middle_c = 440 * 2 ** (-9 / 12)
        own = drum.layer.hertz * performance.sample_rate / sample.rate
        lasts = min(DRUM_RING, len(sample.sound) / (performance.sample_rate * middle_c / own) + 0.02)
        before = ringing.get((instrument, drum.choke)) if drum.choke else None
        if before is not None:
            began, length, which, values = sheet.notes[before]
            sheet.notes[before] = (began, max(0.012, min(length, at - began + 0.011)), which, values)
        ringing[instrument, drum.choke] = len(sheet.notes)
        level = LEVELS[SAMPLED] * (velocity / 127) ** 2
        place = performance.pans.get(instrument, 0.0)
        name = drum.layer.name
        values = (middle_c, level, place, 0.0005, 0.0, 0.01, name, name, 0.0, own, *drum.layer.loop)
        sheet.notes.append((at, lasts, SAMPLED, values))


def play_csound(
    performance: Performance, *, reverb: float = 0.0, keep: Path | None = None, progress: Progress = lambda _: None
) -> Stereo:
    """`performance` as Csound plays it, shape (2, n). Raises SoundError when it is not installed, or fails.

    The score, `piece.csd`, and the samples that it plays are left in the folder `keep`, if there is to be one.
    """
    with TemporaryDirectory(prefix="antiphon-csound-") as place:
        folder = Path(place) if keep is None else keep
        folder.mkdir(parents=True, exist_ok=True)
        text, seconds = csound_score(performance, folder, reverb=reverb)
        (folder / "piece.csd").write_text(text, "utf-8")
        out = Path(place) / "piece.raw"
        command: tuple[str | Path, ...] = (
            "csound", "-d", "-m0", "-h", "-f", f"--env:SSDIR={folder}", "-o", out, folder / "piece.csd",
        )  # fmt: skip
        return raw_sound(command, out, seconds=seconds, sample_rate=performance.sample_rate, progress=progress)
