"""The command line on a machine that lacks a package."""

import subprocess
import sys


def antiphon_without(package: str, *argv: object) -> subprocess.CompletedProcess[str]:
    """`antiphon ARGV` in a process of its own that cannot import `package`."""
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        f"from antiphon.faces.cli import main; sys.exit(main({[str(a) for a in argv]!r}))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def says_that_it_needs(package: str, done: subprocess.CompletedProcess[str]) -> None:
    """One line that names the package, and a failure."""
    assert done.returncode == 1
    assert f"needs {package}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
