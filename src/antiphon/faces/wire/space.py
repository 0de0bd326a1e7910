"""The address space of a jam, drawn from what `hello` says there is: a control more is an address more.

Described as OSCQuery wants it (Vidvox, "OSC Query Proposal", 2018), which is JSON over HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from antiphon.faces.news import News

__all__ = ["PAIRS", "STRIP", "Node", "host_info", "matching", "nodes_of", "tree"]

READ, WRITE, BOTH = 1, 2, 3

LONGEST, WILDEST = 200, 4
"""Characters of a pattern, and stars and braces in it: each more makes looking for what fits many times slower."""
PAIRS = ("range", "polyphony", "length", "velocity", "interval")
"""Fields of a strip that are two numbers, the lower first."""
STRIP: Mapping[str, str] = {
    "mode": "s",
    "program": "i",
    "mute": "T",
    "range": "ii",
    "polyphony": "ii",
    "length": "ff",
    "velocity": "ii",
    "source": "i",
    "interval": "ii",
    "shift": "i",
    "hears": "i",
    "punch_in": "T",
    "punch_out": "f",
}
"""The fields of a strip that can be set over OSC, and the types of their values."""

Value = Callable[[Mapping[str, News]], list[Any] | None]


def _nothing(kept: Mapping[str, News]) -> list[Any] | None:
    del kept
    return None


@dataclass(frozen=True)
class Node:
    """One address: what it takes (OSC type tags), whether it is read or written, and its value by what is kept."""

    path: str
    help: str
    types: str
    access: int
    range: tuple[News, ...] = ()
    value: Value = field(default=_nothing)


def nodes_of(hello: News) -> dict[str, Node]:
    """Every address by its path, for a jam that introduced itself by `hello`."""
    nodes = [
        *(_control(control) for control in hello["controls"]),
        *(_action(action) for action in hello["actions"]),
        *(_strip(channel, name, types) for channel in range(1, 17) for name, types in STRIP.items()),
        *(_sense(name, types, text) for name, types, text in _SENSE),
        *(Node(*row) for row in _PLAIN),
    ]
    return {node.path: node for node in nodes}


_SENSE = (
    ("key", "s", "the key, as far as it is heard"),
    ("chord", "s", "the chord, as far as there is one"),
    ("tempo", "f", "beats a minute"),
    ("meter", "i", "beats in a bar"),
    ("playing", "T", "whether it is the machine's turn"),
    ("busyness", "f", "how much busier than usual the player is, -2 to 2"),
    ("loudness", "i", "how loud the player is, 1 to 127"),
)

_PLAIN: tuple[tuple[str, str, str, int], ...] = (
    (
        "/antiphon/note",
        "the player strikes a key, or lets it go with velocity 0: channel, pitch, velocity",
        "iii",
        WRITE,
    ),
    ("/antiphon/midi", "the player did this: two or three bytes of MIDI", "iii", WRITE),
    ("/antiphon/note/you", "to subscribers: the player's notes: channel, pitch, velocity", "iii", READ),
    ("/antiphon/note/it", "to subscribers: what it has decided: channel, pitch, velocity, seconds ahead", "iiif", READ),
    ("/antiphon/notice", "to subscribers: a line for the musician", "s", READ),
    ("/antiphon/subscribe", "be told of everything that changes, for a minute: ask again in time", "", WRITE),
    ("/antiphon/unsubscribe", "be told nothing more", "", WRITE),
    ("/antiphon/ping", "answers /antiphon/pong with the same arguments", "", WRITE),
    ("/antiphon/describe", "answers /antiphon/describe with this page as JSON", "s", BOTH),
    ("/antiphon/enter", "the token, which other machines must say first", "s", WRITE),
    ("/antiphon/error", "to the one who asked: the address, and why it cannot be done", "ss", READ),
)


def _control(control: News) -> Node:
    name = control["name"]
    types = {"float": "f", "int": "i", "choice": "s"}[control["kind"]]
    about = f"{control['help']} [{control['unit']}]" if control["unit"] else control["help"]
    span = {"VALS": control["choices"]} if control["choices"] else {"MIN": control["low"], "MAX": control["high"]}

    def value(kept: Mapping[str, News]) -> list[Any] | None:
        values = kept.get("controls", {}).get("values", {})
        return [values[name]] if name in values else None

    return Node(f"/antiphon/control/{name}", about, types, BOTH, (span,), value)


def _action(action: News) -> Node:
    types = "s" if action["argument"] else ""
    return Node(f"/antiphon/action/{action['name']}", action["help"], types, WRITE)


def _strip(channel: int, name: str, types: str) -> Node:
    def value(kept: Mapping[str, News]) -> list[Any] | None:
        strips = kept.get("strips", {}).get("strips")
        found = None if strips is None else strips[channel - 1].get(name)
        return None if found is None else list(found) if name in PAIRS else [found]

    return Node(
        f"/antiphon/strip/{channel}/{name}", f"{name} of the strip on channel {channel}", types, BOTH, (), value
    )


def _sense(name: str, types: str, text: str) -> Node:
    def value(kept: Mapping[str, News]) -> list[Any] | None:
        found = kept.get("sense", {}).get(name)
        return None if found is None else [found]

    return Node(f"/antiphon/sense/{name}", text, types, READ, (), value)


def matching(pattern: str, nodes: Mapping[str, Node]) -> list[Node]:
    """The addresses that `pattern` means: one, or by OSC's `*`, `?`, `[a-z]`, `[!a]` and `{one,other}` several.

    Raises `ValueError` for one that would take too long.
    """
    if pattern in nodes:
        return [nodes[pattern]]
    if len(pattern) > LONGEST or sum(map(pattern.count, "*{")) > WILDEST:
        raise ValueError(f"a pattern has at most {LONGEST} characters, and {WILDEST} stars and braces")
    if not set(pattern) & set("*?[{"):
        return []
    fitting = _compiled(pattern)
    return [] if fitting is None else [node for path, node in nodes.items() if fitting.fullmatch(path)]


@lru_cache(256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """An OSC 1.0 pattern as a regular expression; None for one that is none."""
    parts = re.split(r"(\*+|\?|\[[^\]]*\]|\{[^}]*\})", pattern)
    try:
        return re.compile("".join(map(_part, parts)))
    except re.error:
        return None


def _part(part: str) -> str:
    if part[:1] == "*":
        return "[^/]*"
    if part == "?":
        return "[^/]"
    if part[:1] == "[" and part[-1:] == "]" and len(part) > 2:
        inside = part[1:-1]
        negated = inside.startswith("!")
        inside = re.sub(r"([\\\]\[^])", r"\\\1", inside.removeprefix("!"))
        return f"[{'^/' if negated else ''}{inside}]"
    if part[:1] == "{" and part[-1:] == "}":
        return f"(?:{'|'.join(re.escape(word) for word in part[1:-1].split(','))})"
    return re.escape(part)


def tree(nodes: Iterable[Node], kept: Mapping[str, News], path: str = "/") -> News | None:
    """The namespace at and below `path` as OSCQuery's JSON; None where there is nothing."""
    wanted = path.rstrip("/")
    below = [node for node in nodes if node.path == wanted or node.path.startswith(f"{wanted}/")]
    if not below:
        return None
    root = _container(wanted or "/")
    for node in below:
        at = root
        steps = node.path[len(wanted) :].strip("/")
        for step in steps.split("/") if steps else []:
            here = at["FULL_PATH"].rstrip("/")
            at = at.setdefault("CONTENTS", {}).setdefault(step, _container(f"{here}/{step}"))
        at |= _described(node, kept)
    return root


def _container(path: str) -> News:
    return {"FULL_PATH": path, "ACCESS": 0}


def _described(node: Node, kept: Mapping[str, News]) -> News:
    about: News = {"DESCRIPTION": node.help, "TYPE": node.types, "ACCESS": node.access}
    value = node.value(kept)
    if value is not None:
        about["VALUE"] = value
    if node.range:
        about["RANGE"] = list(node.range)
    return about


def host_info(name: str, host: str, port: int) -> News:
    """What OSCQuery's `HOST_INFO` says: where OSC is listened to."""
    return {
        "NAME": name,
        "OSC_IP": host,
        "OSC_PORT": port,
        "OSC_TRANSPORT": "UDP",
        "EXTENSIONS": {"ACCESS": True, "VALUE": True, "RANGE": True, "DESCRIPTION": True, "LISTEN": False},
    }
