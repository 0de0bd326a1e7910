"""Presets as files: found by name, kept whole, and watched while they are played."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from antiphon.jam.ensemble import duet
from antiphon.ports import presets
from antiphon.ports.inbox import Act, Inbox
from antiphon.ports.presets import PresetWatch, find_preset, preset_names, read_preset, save_preset


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "data_folder", lambda: tmp_path)


@pytest.mark.parametrize("name", sorted(path.stem for path in presets.SHIPPED.glob("*.toml")))
def test_every_preset_in_the_box_can_be_played_and_says_what_it_is(name: str) -> None:
    preset = read_preset(find_preset(name))
    assert preset.ensemble is not None
    assert preset.ensemble.instruments("auto", "follow")
    assert find_preset(name).read_text().startswith("# ")


def test_a_saved_preset_is_found_before_one_of_the_box_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = save_preset("strings", "[controls]\nshare = 0.1\n")
    assert find_preset("strings") == path == preset_names()["strings"]
    assert [left.name for left in path.parent.iterdir()] == ["strings.toml"]
    save_preset("strings", "[controls]\nshare = 0.2\n")
    assert read_preset(path).controls == {"share": 0.2}


@pytest.mark.parametrize("name", ["", "../evil", "a/b", ".hidden", "a\nb"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a preset cannot be named"):
        save_preset(name, "")


def test_a_name_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no preset is named 'polka': there are .*duet"):
        find_preset("polka")
    with pytest.raises(ValueError, match="there is no such preset file"):
        find_preset("polka.toml")


def test_a_preset_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not TOML"):
        read_preset(tmp_path / "wrong.toml")


def test_a_file_that_changes_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "LOOK", 0.01)
    path = tmp_path / "live.toml"
    path.write_text("[controls]\nshare = 0.1\n")
    inbox, watch = Inbox(), PresetWatch(path)
    watch.start(inbox)
    try:
        assert inbox.take(0.05) is None
        path.write_text("[controls]\nshare = 0.25\n")
        assert inbox.take(5.0) == Act("preset", str(path))
    finally:
        watch.close()
    path.write_text("[controls]\nshare = 0.125\n")
    time.sleep(0.03)
    assert inbox.take(0.0) is None
    assert duet().instruments("auto") == (256,)
