"""A model is told the beat when it is known, and only then."""

from antiphon.jam.controls import Settings
from antiphon.jam.tempo import Tempo
from antiphon.music.grid import Grid


def test_a_beat_that_is_only_assumed_is_not_known():
    tempo, settings = Tempo(), Settings()
    tempo.struck(80, 1.0)
    assert tempo.known(settings) is None
    assert tempo.grid(settings).origin == 1.0


def test_a_clock_and_a_steady_player_make_it_known():
    tempo, settings = Tempo(), Settings()
    for k in range(24):
        tempo.struck(80, 0.5 * k)
    found = tempo.known(settings)
    assert found is not None
    assert abs(found.period - 0.5) < 0.02
    assert tempo.grid(settings) == found
    tempo.clock = Grid(0.25, 90.0)
    assert tempo.known(settings) == tempo.grid(settings) == Grid(0.25, 90.0)
