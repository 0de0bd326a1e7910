"""A jam and a browser for the tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.faces.web.stagehand import Visit, Visitor, chromium, jam


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page of a jam is."""
    take = Path(tmp_path_factory.mktemp("take")) / "evening.take"
    with jam("--take", str(take)) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; each visitor has a profile of their own."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Opens the page, as often as one likes; `script` runs before it. At the end no page may have complained."""
    contexts, visitors = [], []

    def open_page(script: str = "", **options: Any) -> Visitor:
        options = {"viewport": {"width": 1100, "height": 700}, **options}
        context = browser.new_context(**options)
        contexts.append(context)
        if script:
            context.add_init_script(script)
        visitors.append(Visitor(context.new_page(), address))
        return visitors[-1]

    yield open_page
    complaints = [complaint for visitor in visitors for complaint in visitor.complaints]
    for visitor in visitors:
        visitor.see("antiphon.jam.act('panic')")
        visitor.see("antiphon.jam.act('reset')")
    for context in contexts:
        context.close()
    assert complaints == []
