"""Score a run of ours on whole validation pieces, and write those pieces' events for `notochord_nats.py`.

python bench/likelihood/antiphon_nats.py CORPUS [RUN/best.safetensors] [--events EVENTS.npz]
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from antiphon.codec.stream import TICK, tick_of
from antiphon.train.batches import collate
from antiphon.train.checkpoint import load_net
from antiphon.train.corpus import Corpus, Split, unpacked
from antiphon.train.likelihood import ALL_ORDERS, FIELD_NAMES, known_in_order, nats_of_batch
from antiphon.train.nets import StreamNet


def write_events(split: Split, path: Path) -> None:
    """Every piece, times on the 10 ms lattice."""
    pieces = [unpacked(split.piece(i)) for i in range(len(split))]
    at = [np.array([tick_of(t) * TICK for t in piece["at"].tolist()]) for piece in pieces]
    columns = {name: np.concatenate([p[name] for p in pieces]) for name in ("instrument", "pitch", "velocity")}
    number = np.repeat(np.arange(len(pieces), dtype=np.int32), [len(p) for p in pieces])
    np.savez_compressed(path, at=np.concatenate(at), piece=number, **columns)


@torch.no_grad()
def score(net: StreamNet, split: Split, orders: list[tuple[int, ...]]) -> np.ndarray:
    """Nats per event (orders, 4), every piece heard from its beginning to its end."""
    sums, events = torch.zeros(len(orders), 4, dtype=torch.float64), 0
    for i in range(len(split)):
        window = split.window(i, 0, int(split.index["length"][i]), beats=net.config.beat)
        batch = collate([window], len(window.events), beats=net.config.beat)
        for row, order in zip(sums, orders, strict=True):
            row += nats_of_batch(net, batch, known_in_order(order)).sum((0, 1)).double()
        events += len(window.events)
    return (sums / events).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("checkpoint", type=Path, nargs="?")
    parser.add_argument("--events", type=Path)
    parser.add_argument("--all-orders", action="store_true", help="the mean over all 24 orders too (24 times the work)")
    args = parser.parse_args()
    split = Corpus.open(args.corpus).split("valid")
    if args.events:
        write_events(split, args.events)
    if args.checkpoint:
        torch.set_num_threads(1)
        net, progress = load_net(args.checkpoint)
        orders = list(ALL_ORDERS) if args.all_orders else [(0, 1, 2, 3)]
        nats = score(net, split, orders)
        figures = {
            "events": split.n_events,
            "trained_seconds": round(progress["seconds"]),
            "nats_per_event": float(nats[0].sum()),
            **dict(zip(FIELD_NAMES, nats[0].tolist(), strict=True)),
        }
        if args.all_orders:
            figures |= {"all_orders_mean": float(nats.sum(1).mean()), "all_orders_worst": float(nats.sum(1).max())}
        print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
