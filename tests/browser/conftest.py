"""Folders for browsers, made once; onnxruntime-web is fetched once by npm; a server on this machine; a browser."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from antiphon.faces.web_embedding import embed_for_web
from tests.browser.stage import served
from tests.embed.models import bundle_of, shipped_net, tiny_net
from tests.faces.web.stagehand import PATIENCE, chromium

LOADING = 120_000
"""Milliseconds that a page and its model may take to load, where a busy machine leaves them little."""


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """What `antiphon export --target js` writes, by name, as `<model>_<precision of the weights>`."""
    from antiphon.engine.bundle import find_bundle

    root = tmp_path_factory.mktemp("browser")
    (root / "blank.html").write_text("<!doctype html><link rel='icon' href='data:,' />")
    shutil.copy(Path(__file__).parent / "simulation.js", root)
    box, tiny = bundle_of(shipped_net(), root / "box"), bundle_of(tiny_net(), root / "tiny")
    made = {"box_int8": (find_bundle("antiphon"), "int8"), "box_fp32": (box, "fp32"), "tiny_int8": (tiny, "int8")}
    embed_for_web(tiny, root / "tiny_fp32", "fp32", npm=True)
    for name, (bundle, precision) in made.items():
        embed_for_web(bundle, root / name, precision)
        shutil.copytree(root / "tiny_fp32" / "ort", root / name / "ort")
    return SimpleNamespace(root=root, tiny_fp32=root / "tiny_fp32", **{name: root / name for name in made})


@pytest.fixture(scope="session")
def address(folders):
    """Where the folders are served."""
    with served(folders.root) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, address):
    """An empty page beside the folders. Nothing but what the folders hold may be asked for."""
    with _Window(browser) as page:
        page.goto(f"{address}/blank.html", timeout=LOADING)
        yield page


@pytest.fixture
def visit(browser):
    """Opens an address as a visitor with a browser of their own. At the end no page may have complained."""
    visitors = []

    def open_page(url, script="", **options):
        visitors.append(_Window(browser, script, **options))
        page = visitors[-1].__enter__()
        page.goto(url, timeout=LOADING)
        page.wait_for_function("document.getElementById('begin').matches('.ready, .failed')", timeout=LOADING)
        return page

    yield open_page
    for visitor in visitors:
        visitor.__exit__(None, None, None)


class _Window:
    """A page in a context of its own; leaving it checks that it neither complained nor asked for anything elsewhere."""

    def __init__(self, browser, script="", **options):
        self.context = browser.new_context(**{"viewport": {"width": 1100, "height": 700}, **options})
        if script:
            self.context.add_init_script(script)
        self.complaints = []

    def __enter__(self):
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)
        return page

    def _asked(self, request):
        if not request.url.startswith(("http://127.0.0.1:", "file:", "data:", "blob:")):
            self.complaints.append(f"asked for {request.url}")

    def __exit__(self, *_):
        self.context.close()
        assert self.complaints == []
