"""Listen by measures: duets with many tunes, and how the machine's part relates to the player's.

python bench/duets.py [TUNE.mid...] [--seconds 40] [--set CONTROL=VALUE...]

The bundled minuet when no tune is named.

`key`: share of the machine's note time inside the key found from the player's part; the player's own share, and that
of pitches drawn at random (7 or 8 of 12), are what to hold it against. `gun`: share of onsets that strike their key
again within a few hundredths of a second. `share`: the machine's part of all onsets while both play.
"""

import argparse
from pathlib import Path

import numpy as np

from antiphon.engine import open_model
from antiphon.faces.band import band_for, played_by
from antiphon.faces.duet import Duet, read_tune
from antiphon.jam.controls import Settings
from antiphon.music.key import find_key
from antiphon.music.measures import double_onsets, key_agreement, machine_gun_rate, note_lengths, unclosed
from antiphon.ports.recorder import MACHINE, PLAYER
from antiphon.tunes import MENUET

COLUMNS = ("notes", "share", "key", "player_key", "gun", "length", "player_length", "unclosed", "doubled")


def duet(path: Path, model: str, settings: Settings, seconds: float, seed: int) -> dict[str, float] | None:
    """Play one duet; None where the player's key cannot be found or the machine was silent."""
    tune = read_tune(path, seconds=seconds)
    ensemble = band_for(tune, program=0, channel=16)
    tune = played_by(ensemble, tune)
    played = Duet(open_model(model), settings, ensemble, model_name=model, seed=seed, tune=tune)
    played.simulate(seconds)
    player, machine = (played.recorder.events(group) for group in (PLAYER, MACHINE))
    key = find_key(player)
    notes = int((machine["velocity"] > 0).sum())
    if key is None or not notes:
        return None
    both = notes + int((player["velocity"] > 0).sum())
    whole = played.recorder.events()
    return {
        "notes": notes,
        "share": notes / both,
        "key": key_agreement(machine, key),
        "player_key": key_agreement(player, key),
        "gun": machine_gun_rate(machine),
        "length": float(np.median(note_lengths(machine))),
        "player_length": float(np.median(note_lengths(player))),
        "unclosed": unclosed(whole),
        "doubled": double_onsets(whole),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tunes", nargs="*", type=Path, default=[MENUET])
    parser.add_argument("--model", default="antiphon")
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--set", action="append", default=[], metavar="CONTROL=VALUE")
    args = parser.parse_args()
    settings = Settings(dict(pair.split("=", 1) for pair in args.set))
    rows = []
    print(f"{'tune':32.32} " + " ".join(f"{c:>13}" for c in COLUMNS))
    for seed, path in enumerate(args.tunes):
        row = duet(path, args.model, settings, args.seconds, seed)
        if row is None:
            print(f"{path.stem:32.32} no key, or silence")
            continue
        rows.append([row[c] for c in COLUMNS])
        print(f"{path.stem:32.32} " + " ".join(f"{row[c]:13.3f}" for c in COLUMNS))
    if rows:
        print(f"{'mean':32.32} " + " ".join(f"{x:13.3f}" for x in np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
