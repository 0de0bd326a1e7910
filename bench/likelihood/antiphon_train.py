"""Train our side of the comparison: 1800 seconds of this process's own CPU time on one thread.

python bench/likelihood/antiphon_train.py CORPUS RUN
"""

import sys
import time
from pathlib import Path

from antiphon.train.corpus import Corpus
from antiphon.train.loop import TrainConfig, describe, train
from antiphon.train.nets import NetConfig

CONFIG = TrainConfig(
    net=NetConfig(width=512, layers=1),
    size=16,
    length=256,
    minutes=30,
    learning_rate=1.5e-3,
    evaluate_every=500,
    evaluate_events=60_000,
    threads=1,
)

if __name__ == "__main__":
    corpus, run = Path(sys.argv[1]), Path(sys.argv[2])
    print(describe(train(Corpus.open(corpus), run, CONFIG, resume=True, clock=time.process_time)))
