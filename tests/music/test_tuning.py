"""Tunings: historical temperaments, Scala's files, and which key sounds how high."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.music.scala import open_tuning, parse_keymap, parse_scale, read_scale, scale_text, write_scale
from antiphon.music.tuning import EQUAL, SCALES, Keymap, Scale, Tuning, named_scale, ratio_cents

TWELVES = sorted(name for name, scale in SCALES.items() if len(scale.cents) == 12)


def test_equal_temperament_is_what_midi_means() -> None:
    tuning = Tuning.on(EQUAL)
    assert tuning.frequencies[69] == pytest.approx(440)
    assert np.abs(tuning.deviations).max() < 1e-9


def test_b5_the_victorian_temperament_is_its_table() -> None:
    """The seed's active table was flat by 15.76 cents everywhere; ours is Secor's, and E4 on C is 328.118 Hz."""
    tuning = open_tuning("vrwt")
    table = [0, 94.662, 197.009, 296.830, 392.056, 499.080, 593.558, 700.037, 795.608, 894.681, 997.976, 1092.311]
    above_c = 1200 * np.log2(tuning.frequencies[60:72] / tuning.frequencies[60])
    assert above_c == pytest.approx(table, abs=1e-6)
    assert tuning.frequencies[64] == pytest.approx(328.118, abs=5e-4)
    assert tuning.frequencies[72] / tuning.frequencies[60] == pytest.approx(2)


def test_werckmeisters_third_as_published() -> None:
    published = [90.225, 192.180, 294.135, 390.225, 498.045, 588.270, 696.090, 792.180, 888.270, 996.090, 1092.180]
    assert SCALES["werckmeister-3"].cents[:-1] == pytest.approx(published, abs=1e-3)


def test_what_temperaments_keep_pure() -> None:
    third = ratio_cents(5 / 4)
    assert SCALES["meantone"].cents[3] == pytest.approx(third)
    assert SCALES["kirnberger-3"].cents[3] == pytest.approx(third)
    assert SCALES["just"].cents[3] == pytest.approx(third)
    assert SCALES["pythagorean"].cents[6] == pytest.approx(ratio_cents(3 / 2))


@pytest.mark.parametrize("name", ["werckmeister-3", "kirnberger-3", "vallotti", "young", "kellner", "vrwt"])
def test_a_circulating_temperament_has_no_wolf(name: str) -> None:
    tuning = open_tuning(name)
    fifths = 1200 * np.log2(tuning.frequencies[67:79] / tuning.frequencies[60:72])
    assert fifths.min() > 695
    assert fifths.max() < 705.1
    assert fifths.sum() == pytest.approx(7 * 1200)


@given(st.sampled_from(TWELVES), st.integers(0, 11))
def test_a_temperament_on_another_tonic_is_the_same_further_up(name: str, tonic: int) -> None:
    on_c, moved = open_tuning(name), open_tuning(name, tonic=tonic)
    assert moved.deviations[20 + tonic : 100] == pytest.approx(on_c.deviations[20 : 100 - tonic], abs=1e-6)


@given(st.sampled_from(sorted(SCALES)), st.floats(380, 480))
def test_all_keys_go_with_a(name: str, a4: float) -> None:
    plain, moved = open_tuning(name), open_tuning(name, a4=a4)
    assert moved.frequencies[69] == pytest.approx(a4)
    assert np.ptp(moved.frequencies / plain.frequencies) < 1e-9


cents = st.integers(-10_000_000, 10_000_000).map(lambda micro: micro / 1000)


@given(st.lists(cents, max_size=30), st.integers(1, 3_000_000), st.text(st.characters(codec="ascii"), max_size=20))
def test_a_scale_that_is_written_is_read_again(degrees: list[float], period: int, about: str) -> None:
    words = " ".join(about.split())
    if words.startswith("!"):
        return  # would be a remark
    scale = Scale("some", (*degrees, period / 1000), words)
    assert parse_scale(scale_text(scale), "some.scl") == scale


def test_a_scala_file_with_remarks_ratios_and_words_behind(tmp_path: Path) -> None:
    path = tmp_path / "five.scl"
    path.write_text("! five.scl\n!\nFive notes\n 5\n!\n 9/8 a tone\n 5/4\n! between\n 701.955 cents\n 5/3 !\n 2\n")
    scale = read_scale(path)
    assert scale.about == "Five notes"
    assert scale.cents == pytest.approx([203.910, 386.314, 701.955, 884.359, 1200], abs=1e-3)
    write_scale(scale, path)
    assert read_scale(path).cents == pytest.approx(scale.cents)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "x.scl: ends before the scale's description"),
        ("a scale\ntwelve\n", "x.scl: line 2: the number of notes is a whole number 1 to 10000, not 'twelve'"),
        ("a scale\n0\n", "x.scl: line 2: the number of notes is a whole number 1 to 10000, not '0'"),
        ("a\n!\n2\n3/2\nh\n", "x.scl: line 5: a note is a ratio such as 3/2 or cents such as 701.955, not 'h'"),
        ("a\n2\n3/2\n", "x.scl: ends before note 2 of 2"),
        ("a\n1\n3/0\n", "x.scl: line 3: a ratio has two whole numbers above 0, not '3/0'"),
        ("a\n1\n-3/2\n", "x.scl: line 3: a ratio has two whole numbers above 0, not '-3/2'"),
        ("a\n1\n0.0\n", "x.scl: line 3: the last note, at which the scale repeats, must be above the first"),
    ],
)
def test_a_bad_scale_is_refused_by_its_line(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        parse_scale(text, "x.scl")


WHITE = "! white keys\n12\n0\n127\n60\n69\n440.0\n7\n0\nx\n1\nx\n2\n3\nx\n4\nx\n5\nx\n6\n"


def test_a_keymap_leaves_keys_silent_and_is_tuned_by_its_reference() -> None:
    seven = Scale("seven", tuple(1200 * n / 7 for n in range(1, 8)))
    tuning = Tuning(seven, parse_keymap(WHITE, "white.kbm"))
    hz = tuning.frequencies
    assert hz[69] == pytest.approx(440)
    assert math.isnan(hz[61])
    assert hz[72] == pytest.approx(2 * hz[60])
    assert hz[62] / hz[60] == pytest.approx(2 ** (1 / 7))


def test_keys_outside_a_keymap_stay_in_equal_temperament() -> None:
    tuning = Tuning(named_scale("just"), Keymap(first=60, last=71))
    assert tuning.deviations[59] == pytest.approx(0)
    assert tuning.deviations[64] == pytest.approx(-13.686, abs=1e-3)
    assert tuning.deviations[76] == pytest.approx(0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "m.kbm: ends before the size of the map"),
        ("12\n0\n200\n", "m.kbm: line 3: the last key is a whole number 0 to 127, not '200'"),
        ("1\n0\n127\n60\n69\nA\n", "m.kbm: line 6: the reference frequency is in Hz, not 'A'"),
        ("1\n0\n127\n60\n69\n440\n1\ny\n", "m.kbm: line 8: a key plays a degree, a whole number, or none, x; not 'y'"),
        ("2\n0\n127\n60\n61\n440\n1\n0\nx\n", "m.kbm: the reference key 61 is a silent one"),
    ],
)
def test_a_bad_keymap_is_refused_by_its_line(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        parse_keymap(text, "m.kbm")


@given(st.text(max_size=200))
def test_whatever_is_in_a_file_is_read_or_refused_by_one_line(text: str) -> None:
    for parse in (parse_scale, parse_keymap):
        try:
            parse(text, "some")
        except ValueError as error:
            assert "\n" not in str(error)  # noqa: PT017


def test_nineteen_steps_with_a_key_each_or_twelve_of_them() -> None:
    each, twelve = open_tuning("19-edo"), open_tuning("19-edo-12")
    assert each.frequencies[79] == pytest.approx(2 * each.frequencies[60])
    assert twelve.frequencies[72] == pytest.approx(2 * twelve.frequencies[60])
    assert twelve.deviations[64] == pytest.approx(1200 * 6 / 19 - 400)


def test_a_tuning_that_nobody_knows_is_refused_with_all_names() -> None:
    with pytest.raises(ValueError, match="'pythagoras' is no tuning: write equal, pythagorean"):
        open_tuning("pythagoras")
