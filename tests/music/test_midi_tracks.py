"""What was written in a track comes out of it, however it was spelt: statuses that run on, long waits, odd messages."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from antiphon.music.midi_tracks import KEPT_CONTROLLERS, read_tracks
from tests.music.midi_bytes_by_hand import END, meta, wait

Message = tuple[int, int, int, int]

waits = st.integers(0, 130) | st.integers(0, (1 << 28) - 1)
data = st.integers(0, 127)
statuses = st.sampled_from([0x80, 0x90, 0x93, 0xA0, 0xB0, 0xB1, 0xC0, 0xD2, 0xE1])
controllers = st.sampled_from(sorted(KEPT_CONTROLLERS)) | data
messages = st.lists(st.tuples(waits, statuses, controllers, st.integers(0, 159)), max_size=30)


def one_byte(status: int) -> bool:
    return 0xC0 <= status < 0xE0


def spelt(track: Sequence[Message], *, running: bool, metas: bool) -> bytes:
    """The bytes of messages; the status is left out where it runs on, and `metas` now and then come between."""
    written, last = b"", 0
    for number, (delta, status, first, second) in enumerate(track):
        if metas and number % 5 == 4:
            written, last = written + meta(0, 1, b"\xff\x90"), 0
        said = b"" if running and status == last else bytes([status])
        written += wait(delta) + said + bytes([first] if one_byte(status) else [first, second])
        last = status
    return written + END


def kept(track: Sequence[Message]) -> list[tuple[int, int, int, int]]:
    """Tick, status and data of the messages that bear on notes."""
    tick, found = 0, []
    for delta, status, first, second in track:
        tick += delta
        if status < 0xA0 or status >> 4 == 0xC or (status >> 4 == 0xB and first in KEPT_CONTROLLERS):
            found.append((tick, status, first, 0 if one_byte(status) else second))
    return found


@given(st.lists(messages, max_size=4), st.booleans(), st.booleans())
def test_every_message_is_read_back_at_its_tick(tracks: list[list[Message]], running: bool, metas: bool) -> None:
    raw, read = read_tracks([spelt(track, running=running, metas=metas) for track in tracks])
    expected = [(number, *message) for number, track in enumerate(tracks) for message in kept(track)]
    columns = (read.track, read.tick, read.status, read.first, read.second)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected
    for track, of in zip(tracks, raw, strict=True):
        assert of.end == sum(delta for delta, *_ in track)
        assert not of.damage
        assert len(of.metas) == (len(track) // 5 if metas else 0)


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_no_bytes_stop_the_reader_and_no_track_depends_on_another(chunks: list[bytes]) -> None:
    raw, read = read_tracks(chunks)
    for number, chunk in enumerate(chunks):
        (alone,), messages = read_tracks([chunk])
        assert raw[number] == alone
        assert read.tick[read.track == number].tolist() == messages.tick.tolist()
