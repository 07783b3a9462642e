"""Train for a given time on one CUDA device, from a packed corpus to exported weights.

``python -m training.timed --site .train-site --out FOLDER --seconds 240`` reads what `training.packing` wrote.  The
time counts from the start of the process.  The processes that make rows start before torch is imported.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from training.feeder import Feeder
from training.packing import load
from training.rows import TokenRowMaker

STARTED = time.monotonic() - 1.0  # Python's own start and the imports above

SHAPES = {
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 1},
    "small": {"hidden_size": 320, "intermediate_size": 864, "num_hidden_layers": 5, "num_attention_heads": 5},
    "full": {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 7, "num_attention_heads": 6},
}


class Log:
    """Metrics as JSON lines, written at once."""

    def __init__(self, out: Path) -> None:
        self._file = (out / "metrics.jsonl").open("a", buffering=1)

    def write(self, event: str, **fields: Any) -> None:
        """Write one line with the seconds since the start."""
        line = json.dumps({"s": round(elapsed_s(), 1), "event": event, **fields})
        self._file.write(line + "\n")
        print(line, flush=True)


def elapsed_s() -> float:
    """Return the seconds since the start of the process."""
    return time.monotonic() - STARTED


def main() -> None:
    """Train until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=Path(".train-site"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--shape", choices=SHAPES, default="full")
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--micro-rows", type=int, default=192, help="rows of a pass")
    parser.add_argument("--passes", type=int, default=1, help="passes of a step")
    parser.add_argument("--muon-rate", type=float, default=6e-3)
    parser.add_argument("--adam-rate", type=float, default=4e-3)
    parser.add_argument("--compile", choices=("auto", "always", "never"), default="auto")
    parser.add_argument("--workers", type=int, default=max(1, min(10, (os.cpu_count() or 2) - 2)))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    options.out.mkdir(parents=True, exist_ok=True)
    log = Log(options.out)
    corpus = load(options.site)
    log.write("corpus", tokens=len(corpus.ids), files=len(corpus.names))
    tokenizer = Tokenizer.from_file(str(options.site / "tokenizer.json"))
    maker = TokenRowMaker(corpus, tokenizer, options.length)
    with np.load(options.site / "checks.npz") as stored:
        checks = {language: stored[language] for language in stored}
    with Feeder(maker, options.micro_rows, options.workers, options.seed) as feeder:
        from training.device import train

        shape = SHAPES[options.shape] | {"vocab_size": tokenizer.get_vocab_size()}
        train(feeder, checks, shape, options, log)


if __name__ == "__main__":
    main()
