"""What the documentation says is true."""

import re
from pathlib import Path

import pytest

from antiphon.faces.cli import COMMANDS
from antiphon.jam.controls import CONTROLS

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_every_control_is_documented_as_it_is(control):
    cc = control.cc if control.cc is not None else ""
    row = f"| `--{control.name.replace('_', '-')}` | {control.default} | {control.range} | {cc} | {control.help} |"
    assert row in (ROOT / "docs" / "jam.md").read_text()


@pytest.mark.parametrize("command", [c.name for c in COMMANDS])
def test_every_command_has_a_worked_example(command):
    pages = [p.read_text() for p in (ROOT / "docs").glob("*.md")]
    assert any(re.search(rf"^    (\$ )?antiphon {command}\b", page, re.MULTILINE) for page in pages)


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{p.name}" for p in sorted((ROOT / "docs").glob("*.md")))])
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text()):
        assert link.startswith("https://") or (ROOT / page).parent.joinpath(link).exists(), link


def test_every_flag_in_the_documentation_exists():
    import argparse
    from importlib import import_module

    known = {"--help", "--debug", "--version", "--extra", "--logdir", "--soak", "--onnxruntime", "--dist"}
    known |= {
        "--standalone",
        "--nproc-per-node",
        "--nnodes",
        "--rdzv-backend",
        "--rdzv-endpoint",
        "--rdzv-id",
    }  # torchrun's
    pytest.importorskip("torch")  # which training brings, and so the one parser that is no command's
    parsers = [import_module("antiphon.train.chorale")._parser()]
    for command in COMMANDS:
        parser = argparse.ArgumentParser()
        import_module(command.module).add_arguments(parser)
        parsers.append(parser)
    known |= {option for parser in parsers for action in parser._actions for option in action.option_strings}
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", page.read_text()):
            assert flag in known, f"{page.name}: {flag}"


def test_the_example_of_the_readme_runs():
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(example, names)
    assert names["answer"].instrument == 32
