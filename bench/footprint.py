"""What playing costs: memory of a playing process, CPU time of `--help`, size of an installation without torch.

python bench/footprint.py [--install]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path


def children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def help_cpu(runs: int = 10) -> float:
    """Seconds of CPU for one `antiphon --help`, the mean over some."""
    before = children_cpu()
    for _ in range(runs):
        subprocess.run([sys.executable, "-m", "antiphon", "--help"], check=True, stdout=subprocess.DEVNULL)
    return (children_cpu() - before) / runs


def playing_mib() -> float:
    """Peak resident memory of a process that plays a duet with the bundled tune, in MiB."""
    code = (
        "import resource, sys\n"
        "from antiphon.faces.cli import main\n"
        "assert main(['jam', '--player', sys.argv[1], '--fast', '--record', 'duet.mid']) == 0\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
    )
    tune = Path(__file__).parent.parent / "src" / "antiphon" / "tunes" / "menuet.mid"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, str(tune.resolve())], cwd=folder, check=True, capture_output=True, text=True
        )
    return float(done.stdout.split()[-1])


def installed_mib() -> float:
    """Size of a fresh virtual environment with Antiphon and what it needs, less the environment's own, in MiB."""
    project = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as folder:
        venv = Path(folder) / "venv"
        subprocess.run(["uv", "venv", "-q", venv], check=True)
        subprocess.run(["uv", "pip", "install", "-q", "--python", venv / "bin" / "python", project], check=True)
        files = (Path(root) / name for root, _, names in os.walk(venv) for name in names)
        return sum(f.stat().st_size for f in files if not f.is_symlink()) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true", help="also install into a fresh environment (needs uv)")
    args = parser.parse_args()
    print(f"help: {help_cpu():.3f} s of CPU (bar 0.3)")
    print(f"playing: {playing_mib():.0f} MiB (bar 300)")
    if args.install:
        print(f"installed without torch: {installed_mib():.0f} MiB (bar 250)")


if __name__ == "__main__":
    main()
