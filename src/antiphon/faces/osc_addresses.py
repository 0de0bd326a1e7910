"""The addresses of the OSC server: one table, from which messages are read and the server describes itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from antiphon.faces.osc_keywords import ECHO, EVENT, PREPARE, QUERY, RESET, SAMPLE, TIDAL, Keyword, Kind, described

__all__ = ["ADDRESSES", "Address", "address_table", "read_arguments"]

_EVENT = "/return/notochord/query"
_SAMPLE = "/return/antiphon/sample"
_PATH = (Keyword("path", Kind.TEXT, "a file or folder on the server's machine"),)
_TOKEN = (Keyword("token", Kind.TEXT, "what the server printed when it was told to let other machines in"),)
SETS = {
    "event": EVENT,
    "echo": ECHO,
    "query": QUERY,
    "sample": SAMPLE,
    "reset": RESET,
    "prompt": PREPARE,
    "tidal": TIDAL,
    "path": _PATH,
    "token": _TOKEN,
    "handle": ECHO[:1],
}
"""Keywords by what they are about; those that stand in two sets mean one thing."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address: what it takes by position (`places`) and by key (`sets` of keywords), and where its reply goes.

    `deed` names what the desk does; `steps` are, in order, what is done to the stream. `prefix`: keywords that begin
    otherwise are somebody else's and passed over.
    """

    address: str
    help: str
    deed: str
    places: tuple[Keyword, ...] = ()
    sets: tuple[str, ...] = ()
    reply: str = ""
    steps: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def words(self) -> dict[str, Keyword]:
        """Every keyword that may be said at this address, by its name."""
        return {word.name: word for name in self.sets for word in SETS[name]}

    @property
    def keeps(self) -> bool:
        """Whether what is drawn is fed as well."""
        return self.steps[-1:] == ("keep",)


def _stream(name: str, text: str, *steps: str) -> Address:
    """An address of Notochord's server or a like one of ours, which feeds and draws."""
    asks = next((step for step in steps if step in ("query", "sample")), "")
    feeds = "feed" in steps
    sets = (*(("event", "echo") if feeds else ()), *((asks,) if asks else ()))
    reply = {"": "", "query": _EVENT, "sample": _SAMPLE}[asks]
    return Address(name, text, "stream", EVENT if feeds else (), sets, reply, steps)


_TABLE = (
    _stream("/notochord/feed", "hear an event", "feed"),
    _stream("/notochord/query", "draw the next event", "query"),
    _stream("/notochord/query_feed", "draw the next event and hear it", "query", "keep"),
    _stream("/notochord/feed_query", "hear an event, then draw the next", "feed", "query"),
    _stream("/notochord/feed_query_feed", "hear an event, draw the next and hear that too", "feed", "query", "keep"),
    Address("/notochord/reset", "begin anew, after the prompt if there was one", "reset", sets=("reset",)),
    Address(
        "/notochord/prompt",
        "hear a MIDI file and begin after it; queries are answered meanwhile",
        "prompt",
        _PATH,
        ("path", "prompt"),
        "/return/antiphon/prompt",
    ),
    Address(
        "/notochord/load",
        "play another model: a bundle's folder or a shipped model's name",
        "load",
        _PATH,
        ("path", "handle"),
        "/return/antiphon/load",
    ),
    Address(
        "/notochord/tidal_feed",
        "an event of a Tidal pattern, at its bundle's time; what it leaves open the model chooses",
        "tidal",
        sets=("tidal",),
        reply=_EVENT,
        prefix="nc",
    ),
    _stream("/antiphon/sample", "draw the next event within limits that are kept for certain", "sample"),
    _stream("/antiphon/sample_feed", "the same, and hear it", "sample", "keep"),
    _stream("/antiphon/feed_sample", "hear an event, then draw the next", "feed", "sample"),
    _stream("/antiphon/feed_sample_feed", "hear an event, draw the next and hear that", "feed", "sample", "keep"),
    Address("/antiphon/enter", "lets another machine in", "enter", _TOKEN, ("token",), reply="/return/antiphon/enter"),
    Address("/antiphon/ping", "is anybody there?", "ping", sets=("handle",), reply="/return/antiphon/ping"),
    Address("/antiphon/status", "how the server is", "status", sets=("handle",), reply="/return/antiphon/status"),
    Address("/antiphon/describe", "this table, as JSON text", "describe", reply="/return/antiphon/describe"),
)
ADDRESSES = {address.address: address for address in _TABLE}
"""Every address that is answered, by its name."""


def address_table() -> dict[str, Any]:
    """Everything that can be said to the server, as plain data: addresses, and the sets of keywords they take."""
    return {
        "addresses": [
            {
                "address": a.address,
                "help": a.help,
                "arguments": [word.name for word in a.places],
                "keywords": list(a.sets),
                "reply": a.reply,
            }
            for a in _TABLE
        ],
        "keywords": {name: described(words) for name, words in SETS.items()},
    }


def read_arguments(address: Address, args: Sequence[Any]) -> dict[str, Any]:
    """What was said, by keyword; arguments by position and pairs of key and value may come in either order.

    A key that takes several values may be followed by an array, by `%JSON:[...]`, or by bare numbers. Raises
    ValueError, one line, for anything that is not in the table.
    """
    known = address.words
    said: dict[str, Any] = {}
    at = 0
    while at < len(args):
        if _is_place(address, args[at], known):
            values = args[at : at + len(address.places)]
            if len(values) < len(address.places):
                names = " ".join(word.name for word in address.places)
                raise ValueError(f"{len(values)} arguments where there should be {len(address.places)}: {names}")
            for word, value in zip(address.places, values, strict=True):
                _say(said, word, value)
            at += len(values)
            continue
        key = args[at]
        if not isinstance(key, str):
            raise ValueError(f"{key!r:.40} stands where a keyword should be")
        if at + 1 == len(args):
            raise ValueError(f"{key[:40]} has no value")
        value, at = _value(known.get(key), args, at + 1)
        if key in known:
            _say(said, known[key], value)
        elif not address.prefix or key.startswith(address.prefix):
            raise ValueError(_unknown(key, known))
    missing = [word.name for word in address.places if word.name not in said]
    if missing:
        raise ValueError(f"{', '.join(missing)}: missing")
    return said


def _is_place(address: Address, arg: Any, known: dict[str, Keyword]) -> bool:
    if not address.places:
        return False
    if isinstance(arg, str):
        return address.places[0].kind is Kind.TEXT and arg not in known
    return True


def _value(word: Keyword | None, args: Sequence[Any], at: int) -> tuple[Any, int]:
    """The value that begins at `at`, and where what follows begins."""
    value = args[at]
    if word is None or not word.is_list or isinstance(value, (str, list)):
        return value, at + 1
    end = at
    while end < len(args) and isinstance(args[end], (int, float)):
        end += 1
    return (list(args[at:end]), end) if end > at + 1 else (value, at + 1)


def _say(said: dict[str, Any], word: Keyword, value: Any) -> None:
    if word.name in said:
        raise ValueError(f"{word.name} is given twice")
    read = word.read(value)
    if read is not None:
        said[word.name] = read


def _unknown(key: str, known: dict[str, Keyword]) -> str:
    near = get_close_matches(key[:40], known, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"no such keyword: {key[:60]}{hint}"
