"""What faces are told of a jam: everything when they join, then what changes, in step with the jam itself."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.faces.news import KEPT, Kept, packed, unpacked
from antiphon.faces.scene import Scene, strips_of, thru_of
from antiphon.jam.controls import ACTIONS, CONTROLS, Settings
from antiphon.jam.ensemble import Ensemble, Strip
from antiphon.jam.improviser import Improviser
from antiphon.music.event import Event
from tests.jam.scripted import RandomModel
from tests.ports.fakes import pair, random_jam

News = dict[str, Any]


class Face:
    """Keeps what it is told, as a face in another process would have it."""

    def __init__(self) -> None:
        self.told: list[News] = []
        self.kept = Kept()

    def __call__(self, news: News) -> None:
        told = json.loads(json.dumps(news))
        self.told.append(told)
        self.kept.take(told)

    def of(self, kind: str) -> list[News]:
        return [news for news in self.told if news["t"] == kind]


def watched(**controls: object) -> tuple[Improviser, Scene, Face]:
    jam = random_jam(**controls)
    scene, face = Scene(jam, "random"), Face()
    scene.look(0.0)
    scene.join(face)
    return jam, scene, face


def test_who_joins_is_told_what_there_is() -> None:
    jam, _, face = watched(share=0.3)
    (hello,) = face.of("hello")
    assert [control["name"] for control in hello["controls"]] == [control.name for control in CONTROLS]
    assert [action["name"] for action in hello["actions"]] == [action.name for action in ACTIONS]
    assert all(control["group"] and control["help"] for control in hello["controls"])
    assert len(hello["programs"]) == 128
    assert len(hello["families"]) == 16
    assert face.of("controls")[0]["values"] == dict(jam.settings)
    assert [strip["channel"] for strip in face.of("strips")[0]["strips"]] == list(range(1, 17))
    assert [news["t"] for news in face.told] == [kind for kind in KEPT if face.of(kind)]


def test_one_who_joins_late_is_told_the_same_as_one_who_was_there() -> None:
    jam, scene, early = watched()
    jam.set("share", 0.9, 1.0)
    jam.rearrange(jam.ensemble.changed(1, program=40, mute=True), 1.0)
    scene.look(1.0)
    jam.set("tempo", 140.0, 2.0)
    scene.look(2.0)
    late = Face()
    scene.join(late)
    assert late.kept.by_kind == early.kept.by_kind
    assert late.kept.by_kind["controls"]["values"] == dict(jam.settings)


def test_only_what_changed_is_told() -> None:
    jam, scene, face = watched()
    before = len(face.told)
    scene.look(0.05)
    assert len(face.told) == before
    jam.set("share", 0.9, 0.1)
    scene.look(0.1)
    assert face.of("controls")[-1] == {"t": "controls", "values": {"share": 0.9}}
    assert len(face.of("strips")) == 1


def test_notes_are_told_with_who_played_them_and_the_chord_as_soon_as_it_is_struck() -> None:
    jam, scene, face = watched()
    (instrument,) = jam.ensemble.instruments("input")[:1]
    for place, pitch in enumerate((60, 64, 67)):
        at = 1.0 + place / 1000  # sooner than key and chord are looked at by the clock
        event = Event(at, instrument, pitch, 80)
        answer = jam.receive(event, at)
        scene.heard(event)
        scene.decided(answer)
        scene.look(at)
    notes = [(news["who"], news["pitch"], news["velocity"]) for news in face.of("note")]
    assert notes[:3] == [("you", 60, 80), ("you", 64, 80), ("you", 67, 80)]
    assert face.of("sense")[-1]["chord"] == "C"
    assert face.of("sense")[-1]["playing"] is True


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_faces_hear_of_is_what_the_machine_does_and_every_note_of_it_ends(seed: int) -> None:
    rng = np.random.default_rng(seed)
    jam = Improviser(RandomModel(0.05), Settings(), rng, pair())
    scene, face = Scene(jam, "random"), Face()
    scene.join(face)
    sent: list[Event] = []
    now = 0.0
    (instrument,) = jam.ensemble.instruments("input")[:1]
    for _ in range(60):
        now += float(rng.exponential(0.1))
        played = jam.receive(Event(now, instrument, int(rng.integers(50, 60)), int(rng.integers(0, 2)) * 80), now)
        due = jam.next_wake()
        if due is not None and due <= now:
            played += jam.wake(now)
        scene.decided(played)
        scene.look(now)
        sent += played
    last = jam.panic(now)
    scene.decided(last)
    told = [(n["at"], n["pitch"], n["velocity"]) for n in face.of("note") if n["who"] == "it"]
    assert told == [(e.at, e.pitch, e.velocity) for e in sent + last]
    sounding: set[tuple[int, int]] = set()
    for news in face.of("note"):
        if news["who"] == "it":
            (sounding.add if news["velocity"] else sounding.discard)((news["channel"], news["pitch"]))
    assert not sounding


def test_strips_and_thru_are_told_as_they_sound() -> None:
    ensemble = Ensemble(
        {
            1: Strip(mode="input", hears=0, shift=12),
            2: Strip(mode="follow", source=1, channel=5),
            10: Strip(mode="auto"),
        }
    )
    strips = strips_of(ensemble)
    assert [strip["channel"] for strip in strips if strip["mode"] != "off"] == [1, 2, 10]
    assert strips[1]["out"] == 5
    assert strips[9]["name"] == "drums"
    assert strips[9]["drums"] is True
    routes = {hears: (channel, pitches, velocity) for hears, channel, pitches, velocity in thru_of(ensemble)}
    assert routes[3][0] == 3  # a strip that hears everything passes each channel on as it came
    pitches = routes[3][1]
    assert isinstance(pitches, list)
    assert pitches[60] == 72
    assert pitches[120] == -1
    assert 2 not in routes  # a follower is not the player's


def test_lines_are_read_as_they_were_written_and_nonsense_is_refused() -> None:
    news = {"t": "note", "at": 1.25, "name": "é\n"}
    assert unpacked(packed(news)) == news
    for line in (b"", b"{", b"[]", b'"t"', b"{}", b'{"t": 1}', b"\xff", b"[" * 100_000):
        with pytest.raises(ValueError, match="JSON object"):
            unpacked(line)


def test_a_note_ends_where_it_began_whatever_its_strip_has_become() -> None:
    jam, scene, face = watched()
    (instrument,) = jam.ensemble.instruments("input")[:1]
    scene.heard(Event(1.0, instrument, 60, 80))
    channel = face.of("note")[-1]["channel"]
    jam.rearrange(jam.ensemble.changed(channel, mode="off"), 1.5)
    scene.heard(Event(2.0, instrument, 60, 0))
    assert face.of("note")[-1] == {"t": "note", "who": "you", "at": 2.0, "channel": channel, "pitch": 60, "velocity": 0}
