"""One HTML file of a folder for browsers: it holds everything, and plays from the disk by a double click.

A page that was opened from a disk may load no module and no file beside it. So its own modules are joined into one,
each in a function of its own; the worker's likewise; and what is large lies in the page, compressed. The worker is
given addresses that hold the files themselves (data URLs): such a page may not share blobs even with its own worker.
"""

from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path

__all__ = ["joined", "single_page"]

_IMPORT = re.compile(r'^import (\{[^}]*\}) from "(\.[^"]+)";\n', re.MULTILINE)
_REEXPORT = re.compile(r"^export \{([^}]*)\};\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const|let|class|function|async)", re.MULTILINE)
_NAMED = re.compile(r"^export (?:const|let|class|(?:async )?function) (?:(\w+)|\[([^\]]*)\])", re.MULTILINE)

_ADDRESSES = """
globalThis.antiphonFiles = {};
for (const packed of document.querySelectorAll("script[data-file]")) {
  globalThis.antiphonFiles[packed.dataset.file] = `data:${packed.dataset.type};base64,${packed.textContent}`;
  packed.remove();
}
"""


def joined(entry: Path) -> str:
    """A module and all that it imports from files beside it, as one script of type module."""
    parts: list[str] = []
    names: dict[Path, str] = {}
    _join(entry.resolve(), names, parts, is_entry=True)
    return "\n".join(parts)


def _join(path: Path, names: dict[Path, str], parts: list[str], *, is_entry: bool = False) -> str:
    """Append a module behind those that it needs; returns the name of the object of its exports."""
    if path in names:
        return names[path]
    source = path.read_text()
    imported = [(what, _join((path.parent / where).resolve(), names, parts)) for what, where in _IMPORT.findall(source)]
    name = names[path] = f"module{len(names)}_{path.stem}"
    body = "".join(f"const {what} = {module};\n" for what, module in imported) + _IMPORT.sub("", source)
    exports = [word.strip() for words in _REEXPORT.findall(source) for word in words.split(",")]
    exports += [word.strip() for one, many in _NAMED.findall(source) for word in (one or many).split(",")]
    body = _EXPORT.sub("", _REEXPORT.sub("", body))
    if re.search(r"^(import|export)\b(?!\()", body, re.MULTILINE):
        raise ValueError(f"{path}: this way of importing or exporting cannot be joined")
    parts.append(body if is_entry else f"const {name} = (() => {{\n{body}\nreturn {{ {', '.join(exports)} }};\n}})();")
    return name


def single_page(folder: Path) -> str:
    """The page of a folder, with `ort/` in it, as the text of one HTML file."""
    page = (folder / "index.html").read_text()
    for href in re.findall(r'<link rel="stylesheet" href="([^"]+)" />', page):
        style = f"<style>\n{(folder / href).read_text()}</style>"
        page = page.replace(f'<link rel="stylesheet" href="{href}" />', style)
    for href in re.findall(r'<link rel="icon" href="([^"]+)"', page):
        page = page.replace(
            href, f"data:image/svg+xml;base64,{base64.b64encode((folder / href).read_bytes()).decode()}"
        )
    (script,) = re.findall(r'<script type="module" src="([^"]+)"></script>\n', page)
    page = page.replace(f'<script type="module" src="{script}"></script>\n', "")
    packed = [_packed("worker.js", joined(folder / "worker.js").encode())]
    for path in sorted([*(folder / "ort").iterdir(), *(folder / "model").iterdir()]):
        packed.append(_packed(path.relative_to(folder).as_posix(), path.read_bytes()))
    scripts = [*packed, f"<script>{_ADDRESSES}</script>", f'<script type="module">\n{joined(folder / script)}</script>']
    return page.replace("</body>", "\n".join(scripts) + "\n</body>")


def _packed(name: str, raw: bytes) -> str:
    is_module = name.endswith(("js", "mjs"))
    kind = "text/javascript" if is_module else "application/gzip"
    text = base64.b64encode(raw if is_module else gzip.compress(raw, mtime=0)).decode()
    return f'<script type="text/plain" data-file="{name}" data-type="{kind}">{text}</script>'
