"""Write the golden values of the measures, with the libraries that defined them: python tests/music/golden/make.py

Needs MusPy and SciPy, which the tests do not.
"""

from __future__ import annotations

import json
from pathlib import Path

import muspy
import numpy as np
from scipy import integrate, linalg, stats

HERE = Path(__file__).parent
BAR = 64  # ticks


def piece(seed: int) -> dict[str, object]:
    """Notes (onset, duration, pitch) in ticks, none of them doubled, and what MusPy measures of them."""
    rng = np.random.default_rng(seed)
    taken = np.zeros((BAR * 8, 128), bool)
    notes = []
    for _ in range(int(rng.integers(5, 120))):
        onset, length = int(rng.integers(0, BAR * 7)), int(rng.integers(1, 40))
        pitch = int(rng.choice([60, 62, 64, 65, 67, 69, 71, 72, 61, 66])) - 12 * int(rng.integers(0, 2))
        if not taken[max(onset - 1, 0) : onset + length + 1, pitch].any():
            taken[onset : onset + length, pitch] = True
            notes.append((onset, length, pitch))
    music = muspy.Music(resolution=16, tracks=[muspy.Track(notes=[muspy.Note(t, p, d, 64) for t, d, p in notes])])
    return {
        "notes": sorted(notes),
        "pitch_class_entropy": muspy.pitch_class_entropy(music),
        "scale_consistency": muspy.scale_consistency(music),
        "polyphony": muspy.polyphony(music),
        "groove_consistency": muspy.groove_consistency(music, BAR),
    }


def samples(seed: int) -> dict[str, object]:
    """Two samples and the overlap and divergence of their densities as SciPy has them."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 1, 40), rng.normal(seed / 3, 1 + seed / 5, 60)
    p, q = stats.gaussian_kde(a), stats.gaussian_kde(b)
    low, high = min(a.min(), b.min()), max(a.max(), b.max())
    at = np.linspace(low, high, 1000)
    area, _ = integrate.quad(lambda x: min(p(x)[0], q(x)[0]), low, high, limit=2000, epsabs=1e-10)
    return {"a": a.tolist(), "b": b.tolist(), "overlap": area, "kl": float(stats.entropy(p(at), q(at)))}


def clouds(seed: int) -> dict[str, object]:
    """Two clouds of features and the Frechet distance of their Gaussians by SciPy's own root of a matrix."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5))
    b = rng.normal(size=(40, 5)) @ rng.normal(size=(5, 5)) + seed
    left, right = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    apart = a.mean(0) - b.mean(0)
    distance = apart @ apart + np.trace(left + right - 2 * linalg.sqrtm(left @ right).real)
    return {"a": a.tolist(), "b": b.tolist(), "frechet": float(distance)}


def main() -> None:
    golden = {"bar": BAR, "pieces": [piece(i) for i in range(12)], "samples": [samples(i) for i in range(5)]}
    golden["clouds"] = [clouds(i) for i in range(3)]
    (HERE / "measures.json").write_text(json.dumps(golden, default=float) + "\n")


if __name__ == "__main__":
    main()
