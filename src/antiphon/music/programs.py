"""The names of instruments, as the General MIDI sound set (MIDI Manufacturers Association, 1991) orders them."""

from __future__ import annotations

from antiphon.music.event import ANONYMOUS, ANONYMOUS_DRUMS, DRUM_KITS, PROGRAMS

__all__ = ["FAMILIES", "PROGRAM_NAMES", "instrument_name"]

FAMILIES: dict[str, tuple[str, ...]] = {
    "piano": ("acoustic grand piano", "bright acoustic piano", "electric grand piano", "honky-tonk piano",
              "electric piano 1", "electric piano 2", "harpsichord", "clavinet"),
    "chromatic percussion": ("celesta", "glockenspiel", "music box", "vibraphone", "marimba", "xylophone",
                             "tubular bells", "dulcimer"),
    "organ": ("drawbar organ", "percussive organ", "rock organ", "church organ", "reed organ", "accordion",
              "harmonica", "tango accordion"),
    "guitar": ("nylon guitar", "steel guitar", "jazz guitar", "clean electric guitar", "muted electric guitar",
               "overdriven guitar", "distortion guitar", "guitar harmonics"),
    "bass": ("acoustic bass", "fingered bass", "picked bass", "fretless bass", "slap bass 1", "slap bass 2",
             "synth bass 1", "synth bass 2"),
    "strings": ("violin", "viola", "cello", "contrabass", "tremolo strings", "pizzicato strings", "harp", "timpani"),
    "ensemble": ("string ensemble 1", "string ensemble 2", "synth strings 1", "synth strings 2", "choir aahs",
                 "voice oohs", "synth voice", "orchestra hit"),
    "brass": ("trumpet", "trombone", "tuba", "muted trumpet", "french horn", "brass section", "synth brass 1",
              "synth brass 2"),
    "reed": ("soprano sax", "alto sax", "tenor sax", "baritone sax", "oboe", "english horn", "bassoon", "clarinet"),
    "pipe": ("piccolo", "flute", "recorder", "pan flute", "blown bottle", "shakuhachi", "whistle", "ocarina"),
    "synth lead": ("square lead", "sawtooth lead", "calliope lead", "chiff lead", "charang lead", "voice lead",
                   "fifths lead", "bass and lead"),
    "synth pad": ("new age pad", "warm pad", "polysynth pad", "choir pad", "bowed pad", "metallic pad", "halo pad",
                  "sweep pad"),
    "synth effects": ("rain", "soundtrack", "crystal", "atmosphere", "brightness", "goblins", "echoes", "sci-fi"),
    "ethnic": ("sitar", "banjo", "shamisen", "koto", "kalimba", "bagpipe", "fiddle", "shanai"),
    "percussive": ("tinkle bell", "agogo", "steel drums", "woodblock", "taiko drum", "melodic tom", "synth drum",
                   "reverse cymbal"),
    "sound effects": ("guitar fret noise", "breath noise", "seashore", "bird tweet", "telephone ring", "helicopter",
                      "applause", "gunshot"),
}  # fmt: skip
"""Each family and its eight programs, in order."""

PROGRAM_NAMES: tuple[str, ...] = tuple(name for names in FAMILIES.values() for name in names)
"""The name of each program 0..127."""


def instrument_name(instrument: int) -> str:
    """What to call an instrument 0..319: its program's name, `drums`, or a numbered part."""
    if instrument < PROGRAMS:
        return PROGRAM_NAMES[instrument]
    if instrument < ANONYMOUS:
        kit = instrument - DRUM_KITS
        return f"drums (kit {kit + 1})" if kit else "drums"
    if instrument < ANONYMOUS_DRUMS:
        return f"part {instrument - ANONYMOUS + 1}"
    return f"drum part {instrument - ANONYMOUS_DRUMS + 1}"
