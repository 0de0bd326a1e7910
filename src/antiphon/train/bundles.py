"""Bundles of nets of any family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from antiphon.train.export import export
from antiphon.train.nets import Net, StreamNet
from antiphon.train.token_export import export_token
from antiphon.train.token_nets import TokenNet

__all__ = ["export_net"]


def export_net(net: Net, bundle: Path, **settings: Any) -> dict[str, Any]:
    """Write the bundle of a net of any family; see `export.export`, whose other arguments these are."""
    if isinstance(net, TokenNet):
        return export_token(net, bundle, **settings)
    assert isinstance(net, StreamNet)
    return export(net, bundle, **settings)
