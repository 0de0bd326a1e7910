"""Presets are written and read back as they were; what is wrong is named with its line and its key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.jam.controls import CONTROLS, Settings
from antiphon.jam.ensemble import Ensemble, Strip
from antiphon.jam.mapping import Knob, default_knobs
from antiphon.jam.preset import _toml, preset_from_toml, preset_to_toml
from tests.jam.strategies import ensembles, knobs

positions = st.dictionaries(st.sampled_from(CONTROLS), st.integers(0, 127), max_size=5)


@given(ensembles, positions, st.lists(knobs, max_size=4))
def test_what_was_written_is_read_back(ensemble: Ensemble, turned: dict, extra: list[Knob]) -> None:  # type: ignore[type-arg]
    settings = Settings({control.name: control.from_cc(position) for control, position in turned.items()})
    read = preset_from_toml(preset_to_toml(ensemble, settings, extra))
    assert read.settings(Settings()) == settings
    if read.ensemble is None:
        assert all(strip.mode == "off" for strip in ensemble.strips.values())
    else:
        sounding = {channel: strip for channel, strip in ensemble.strips.items() if strip.mode != "off"}
        assert {c: s for c, s in read.ensemble.strips.items() if s.mode != "off"} == sounding
    assert set(extra) - set(default_knobs()) <= set(read.knobs or ())


def test_what_is_not_named_stays_as_it_was() -> None:
    read = preset_from_toml('[controls]\npolicy = "answer"\n')
    assert (read.ensemble, read.knobs) == (None, None)
    assert read.settings(Settings({"share": 0.1})) == Settings({"share": 0.1, "policy": "answer"})


def test_people_may_write_names_and_inline_tables() -> None:
    text = '[channel]\n2 = {mode = "auto", program = "Acoustic Bass", note_map = {36 = 35}}\n'
    ensemble = preset_from_toml(text).ensemble
    assert ensemble is not None
    assert ensemble.strips[2] == Strip(mode="auto", program=32, note_map={36: 35})


def test_a_knob_of_ones_own_replaces_the_one_of_the_table_for_its_control_and_its_message() -> None:
    read = preset_from_toml('[[knob]]\nname = "density"\ncc = 20\n[[knob]]\nname = "panic"\nnote = 36\nchannel = 2\n')
    assert read.knobs is not None
    assert [k.number for k in read.knobs if k.name == "density"] == [20]
    assert not [k for k in read.knobs if k.name == "policy"]
    assert Knob("panic", "note", 36, 2) in read.knobs


WRONG = {
    "[controls]\nshare = 0.5\npolicy = 7\n": "live.toml, line 3: policy cannot be 7: it must be together",
    "[controls]\nvolume = 1\n": "live.toml, line 2: no control is named 'volume'",
    "[controls\n": "live.toml: not TOML",
    "# mine\n[chanel.1]\n": "live.toml, line 2: there is no table 'chanel'",
    "[channel.17]\nmode = 'auto'\n": "live.toml, line 1: there is no channel '17'",
    "[channel.3]\nmode = 'auto'\n\nrange = [60, 40]\n": "live.toml, line 4: channel 3: range cannot be (60, 40)",
    "[channel.3]\nmode = 'auto'\nrnge = [60, 40]\n": "live.toml, line 3: channel 3: there is no 'rnge'",
    "[channel.3]\nmode = 'follow'\nsource = 4\n[channel.4]\nmode = 'follow'\nsource = 3\n": (
        "live.toml, line 3: channel 3: source cannot be 4: it would follow itself"
    ),
    "[channel.3]\nmode = 'auto'\nprogram = 'kazoo'\n": "live.toml, line 3: channel 3: program cannot be 'kazoo'",
    "[channel.3]\nmode = 'auto'\npolyphony = 3\n": "live.toml, line 3: channel 3: polyphony cannot be 3",
    "[channel.3]\nmode = 'auto'\nmute = 1\n": "live.toml, line 3: channel 3: mute cannot be 1",
    "[[knob]]\nname = 'share'\ncc = 1\n[[knob]]\nname = 'shore'\ncc = 2\n": "live.toml, line 4: knob: no control",
    "[[knob]]\nname = 'share'\ncc = 200\n": "live.toml, line 1: knob: number cannot be 200",
    "[[knob]]\nname = 'share'\n": "live.toml, line 1: knob: it needs a name, and one of",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_one_line_with_its_line_and_key(text: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the whole message is looked at
        preset_from_toml(text, "live.toml")
    assert str(refusal.value).startswith(WRONG[text])
    assert "\n" not in str(refusal.value)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    assert "\n" not in refusal_of(text)


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from(["mode", "program", "range", "note_map", "cc", "length", "port", "hears", "punch_out", "drums"]),
)
def test_any_value_of_a_strip_is_taken_or_refused_in_one_line(value: object, name: str) -> None:
    assert "\n" not in refusal_of(f'[channel.2]\nmode = "auto"\n{name} = {_toml(value)}\n')


def refusal_of(text: str) -> str:
    """What is said against `text`; nothing when it is a preset."""
    try:
        preset_from_toml(text)
    except ValueError as refusal:
        return str(refusal)
    return ""
