"""The terminal's tests need Textual, which comes with the extra `tui`."""

from __future__ import annotations

import pytest

pytest.importorskip("textual")
