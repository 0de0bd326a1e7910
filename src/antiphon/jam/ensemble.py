"""The ensemble: sixteen strips, one a MIDI channel, that say who plays what and within which limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from antiphon.music.event import ANONYMOUS, ANONYMOUS_DRUMS, ANONYMOUS_PARTS, instrument_of, is_drum

__all__ = ["CHANNELS", "DRUM_CHANNEL", "MODES", "Ensemble", "Mode", "Strip", "apart_from", "duet"]

CHANNELS = range(1, 17)
"""MIDI channels as people count them."""
DRUM_CHANNEL = 10
"""The channel of percussion in General MIDI."""

Mode = Literal["off", "input", "auto", "follow"]
MODES: tuple[Mode, ...] = ("off", "input", "auto", "follow")


def _no_map() -> Mapping[int, int]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Strip:
    """One voice.

    `mode`: `input` is the player's, `auto` the machine's, `follow` harmonises the voice of the channel `source`.
    `program` 0..127; `drums` whether it is a drum kit (None: channel 10 is). `range` lowest and highest pitch,
    `polyphony` fewest and most notes held at once while it plays, `length` shortest and longest note in seconds,
    `velocity` softest and loudest: all inclusive. `interval`: how many semitones above its source a follower may be,
    lowest and highest. `shift` semitones and then `note_map` (pitch -> pitch) are applied on the way out only.
    `hears`: the input channel that it listens to (None: its own; 0: every one that no other strip listens to, each
    passed on as it came). `fixed_velocity` replaces the player's.
    `port` (a part of an output's name; None: the first) and `channel` (None: its own) are where it sounds.
    `punch_in`: an auto voice that is the player's while they play on its channel, and the machine's again
    `punch_out` seconds after their last note. `cc` (number -> value) is sent when the strip is set up.
    """

    mode: Mode = "off"
    program: int = 0
    drums: bool | None = None
    mute: bool = False
    range: tuple[int, int] = (0, 127)
    polyphony: tuple[int, int] = (0, 32)
    length: tuple[float, float] = (0.0, 60.0)
    velocity: tuple[int, int] = (1, 127)
    source: int | None = None
    interval: tuple[int, int] = (-12, 12)
    shift: int = 0
    note_map: Mapping[int, int] = field(default_factory=_no_map)
    hears: int | None = None
    fixed_velocity: int | None = None
    port: str | None = None
    channel: int | None = None
    punch_in: bool = False
    punch_out: float = 0.5
    cc: Mapping[int, int] = field(default_factory=_no_map)

    def __post_init__(self) -> None:
        """Raises `ValueError` that begins with the name of the field that cannot be."""
        if self.mode not in MODES:
            raise ValueError(f"mode cannot be {self.mode!r}: it must be {', '.join(MODES)}")
        _within("program", self.program, 0, 127)
        for name, low, high in _PAIRS:
            _pair(name, getattr(self, name), low, high)
        _within("shift", self.shift, -127, 127)
        for name, lowest in (("source", 1), ("hears", 0), ("channel", 1)):
            if getattr(self, name) is not None:
                _within(name, getattr(self, name), lowest, 16)
        if self.fixed_velocity is not None:
            _within("fixed_velocity", self.fixed_velocity, 1, 127)
        if not 0 <= self.punch_out <= 60:
            raise ValueError(f"punch_out cannot be {self.punch_out!r}: it must be 0 to 60 s")
        for name in ("note_map", "cc"):
            for key, value in getattr(self, name).items():
                _within(name, key, 0, 127)
                _within(name, value, 0, 127)
        if self.mode == "follow" and self.source is None:
            raise ValueError("source is missing: a voice that follows needs the channel of another one")

    def sounding_pitch(self, pitch: int) -> int | None:
        """What `pitch` is on the way out, 0..127; None where the shift leads out of that range."""
        moved = pitch + self.shift
        return self.note_map.get(moved, moved) if 0 <= moved < 128 else None


_PAIRS: tuple[tuple[str, float, float], ...] = (
    ("range", 0, 127),
    ("polyphony", 0, 128),
    ("length", 0.0, 600.0),
    ("velocity", 1, 127),
    ("interval", -127, 127),
)


def _within(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} cannot be {value!r}: it must be a whole number from {low} to {high}")


def _pair(name: str, pair: object, low: float, high: float) -> None:
    whole = isinstance(low, int)
    wanted = f"two {'whole ' if whole else ''}numbers from {low:g} to {high:g}, the lower first"
    kinds = int if whole else (int, float)
    if (
        not isinstance(pair, tuple)
        or len(pair) != 2
        or not all(isinstance(end, kinds) and not isinstance(end, bool) for end in pair)
        or not low <= pair[0] <= pair[1] <= high
    ):
        raise ValueError(f"{name} cannot be {pair!r}: it must be {wanted}")


class Ensemble:
    """Sixteen strips and the instrument by which each is known to the model. Never changes: `changed` gives the next.

    Two voices with one program could not be told apart, so the higher channel takes an anonymous instrument.
    """

    __slots__ = ("_by_instrument", "_instruments", "strips")

    strips: Mapping[int, Strip]
    """Channel 1..16 -> strip; every channel is there."""

    def __init__(self, strips: Mapping[int, Strip]) -> None:
        """Channels that are not named are off. Raises `ValueError`, one line that names the channel and the field."""
        for channel in strips:
            if channel not in CHANNELS:
                raise ValueError(f"there is no channel {channel}: they go from 1 to 16")
        self.strips = MappingProxyType({channel: strips.get(channel, Strip()) for channel in CHANNELS})
        self._check_sources()
        self._instruments: dict[int, int] = {}
        for channel, strip in self.strips.items():
            if strip.mode != "off":
                named = instrument_of(strip.program, drum=self.is_drums(channel))
                self._instruments[channel] = apart_from(self._instruments.values(), named)
        self._by_instrument = {instrument: channel for channel, instrument in self._instruments.items()}

    def is_drums(self, channel: int) -> bool:
        """Whether the voice on `channel` is a drum kit."""
        drums = self.strips[channel].drums
        return channel == DRUM_CHANNEL if drums is None else drums

    def instrument(self, channel: int) -> int:
        """The model's instrument (0..319) for a channel that is not off. Raises `KeyError`."""
        return self._instruments[channel]

    def channel_of(self, instrument: int) -> int | None:
        """The channel (1..16) whose voice is `instrument`, or None."""
        return self._by_instrument.get(instrument)

    def strip_of(self, instrument: int) -> Strip:
        """The strip whose voice is `instrument`. Raises `KeyError`."""
        return self.strips[self._by_instrument[instrument]]

    def instruments(self, *modes: Mode) -> tuple[int, ...]:
        """The instruments of the strips in `modes`, by channel."""
        return tuple(i for channel, i in self._instruments.items() if self.strips[channel].mode in modes)

    def followers(self, instrument: int) -> tuple[int, ...]:
        """The instruments that follow `instrument` directly, by channel."""
        source = self.channel_of(instrument)
        return tuple(
            self._instruments[channel]
            for channel, strip in self.strips.items()
            if strip.mode == "follow" and strip.source == source
        )

    def listens(self, channel: int) -> tuple[int, ...]:
        """The channels (1..16) of the player's strips that listen to the input channel `channel`."""
        players = [
            (own, own if strip.hears is None else strip.hears)
            for own, strip in self.strips.items()
            if strip.mode == "input" or (strip.mode == "auto" and strip.punch_in)
        ]
        named = tuple(own for own, heard in players if heard == channel)
        if named or self.strips[channel].mode in ("auto", "follow"):
            return named
        return tuple(own for own, heard in players if heard == 0)

    def out_channel(self, own: int, heard: int | None = None) -> int:
        """The channel (1..16) on which the strip of channel `own` sounds; `heard`: where the player played it."""
        strip = self.strips[own]
        if strip.channel is not None:
            return strip.channel
        return heard if strip.hears == 0 and heard is not None else own

    def changed(self, channel: int, /, **fields: object) -> Ensemble:
        """This ensemble with some fields of one strip at other values. Raises `ValueError` as `Ensemble` does."""
        if channel not in CHANNELS:
            raise ValueError(f"there is no channel {channel}: they go from 1 to 16")
        try:
            strip = replace(self.strips[channel], **fields)  # type: ignore[arg-type]  # the strip checks them itself
        except (ValueError, TypeError) as error:
            raise ValueError(f"channel {channel}: {error}") from None
        return Ensemble({**self.strips, channel: strip})

    def _check_sources(self) -> None:
        for channel, strip in self.strips.items():
            if strip.mode != "follow":
                continue
            seen, at = {channel}, strip.source
            while at is not None and self.strips[at].mode == "follow":
                if at in seen:
                    raise ValueError(f"channel {channel}: source cannot be {strip.source}: it would follow itself")
                seen.add(at)
                at = self.strips[at].source
            if at is not None and self.strips[at].mode == "off":
                raise ValueError(f"channel {channel}: source cannot be {strip.source}: channel {at} is off")


def duet(program: int = 0, channel: int = 16, player_program: int = 0) -> Ensemble:
    """The plainest ensemble: the machine plays `program` on `channel`, and everything else is the player's."""
    first = 2 if channel == 1 else 1
    strips = {first: Strip(mode="input", program=player_program, hears=0), channel: Strip(mode="auto", program=program)}
    if channel != DRUM_CHANNEL:
        strips[DRUM_CHANNEL] = Strip(mode="input")
    return Ensemble(strips)


def apart_from(taken: Iterable[int], instrument: int) -> int:
    """`instrument`, or, where it is among `taken`, the first free anonymous part of its kind (melodic or drums).

    Raises `ValueError` when all of them are taken.
    """
    others = set(taken)
    first = ANONYMOUS_DRUMS if is_drum(instrument) else ANONYMOUS
    candidates: tuple[int, ...] = (instrument, *range(first, first + ANONYMOUS_PARTS))
    for candidate in candidates:
        if candidate not in others:
            return candidate
    raise ValueError(f"no anonymous part is left to play apart from {len(others)} others")
