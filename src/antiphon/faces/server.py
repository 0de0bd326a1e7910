"""`antiphon server`: a model that is played over OSC, by the messages of Notochord's server and some more."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1, this machine alone)")
    parser.add_argument("--port", type=int, default=9999, help="the UDP port to listen on (9999); 0 for a free one")
    parser.add_argument("--send-port", metavar="PORT", type=int, help="where replies go (the port that asked)")
    parser.add_argument("--allow-remote", action="store_true", help="let other machines in that say the token")
    parser.add_argument("--token", help="for --allow-remote: what other machines must say first (one made up)")
    parser.add_argument("--model", default="antiphon", help="a bundle's folder or a shipped model (antiphon)")
    parser.add_argument("--prompt", metavar="TUNE.mid", type=Path, help="begin after this piece")
    parser.add_argument("--seed", type=int, help="the same messages then have the same replies (by chance)")


def run(args: argparse.Namespace) -> int:
    import gc
    import secrets
    import sys

    import numpy as np

    from antiphon.engine import open_model
    from antiphon.faces.osc_desk import Desk, prompted
    from antiphon.faces.osc_session import Session, prepared
    from antiphon.ports.osc import OscPort, is_loopback
    from antiphon.ports.system import first_in_line, short_switches, signals

    for name, port in (("--port", args.port), ("--send-port", args.send_port or 0)):
        if not 0 <= port <= 65535:
            raise ValueError(f"{name} must be 0 to 65535, not {port}")
    if not is_loopback(args.host) and not args.allow_remote:
        raise ValueError(f"--host {args.host} would let other machines in: say --allow-remote too if that is meant")
    wire = OscPort(args.host, args.port)
    try:
        model = open_model(args.model)
        beginning = prompted(model, args.prompt) if args.prompt else prepared(model, None)
        session = Session(beginning, np.random.default_rng(args.seed))
        token = (args.token or secrets.token_hex(8)) if args.allow_remote else None
        desk = Desk(session, wire, send_port=args.send_port, token=token)
        gc.freeze()
        with signals(wire.stop), short_switches(), first_in_line():
            host, port = wire.address
            print(f"{model.name} listens to OSC on {host}:{port}. Ctrl-C ends.", file=sys.stderr, flush=True)
            if token:
                print(f"Other machines must first say: /antiphon/enter {token}", file=sys.stderr, flush=True)
            why = wire.run(desk.receive, desk.refuse)
    finally:
        wire.close()
    print(f"antiphon server: {why}; {desk.answered} messages done, {desk.refused} refused", file=sys.stderr)
    return 0
