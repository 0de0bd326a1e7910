"""Instruments have names, and each only one."""

from antiphon.music.event import INSTRUMENTS
from antiphon.music.programs import FAMILIES, PROGRAM_NAMES, instrument_name


def test_there_are_sixteen_families_of_eight():
    assert [len(names) for names in FAMILIES.values()] == [8] * 16
    assert PROGRAM_NAMES[0] == "acoustic grand piano"
    assert PROGRAM_NAMES[32] == "acoustic bass"
    assert PROGRAM_NAMES[127] == "gunshot"


def test_no_two_instruments_share_a_name():
    assert len({instrument_name(i) for i in range(INSTRUMENTS)}) == INSTRUMENTS
