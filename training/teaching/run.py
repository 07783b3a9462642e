"""Teach a left-to-right model in 4 bits to infill: on idle CPU cores, or on a CUDA device for a limited time.

``python -m training.teaching.run --base MARKED.gguf --run FOLDER`` reads ``train.jsonl`` and ``held_out.jsonl`` of
`training.corpus` in FOLDER and learns gains and shifts of the model's 4-bit groups.  It can be killed at any time and
goes on from ``state.pt`` when it is run again; the rows depend on the seed and the step alone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import time
from pathlib import Path
from typing import Any

import torch

from infill_completion.engine.checkpoints.adapters import Adapter
from infill_completion.engine.checkpoints.devices import choose_attention
from infill_completion.engine.checkpoints.fingerprint import fingerprint
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.learning.learned import adapter_of, take_up
from infill_completion.engine.learning.samples import SampleMaker, SampleOptions
from infill_completion.engine.learning.student import Row, Sample, Student, row_of
from infill_completion.engine.learning.trainer import Trainer
from training.corpus import read
from training.feeder import Feeder
from training.teaching.rows import SampleCorpus, SampleRows, unpacked

WARM_UP_STEPS = 20
CHECKS = 16  # samples of each language
CHECK_TOKENS = 320
ADAPTER = "adapter.safetensors"


def row_of_seed(corpus: SampleCorpus, maker: SampleMaker, tokens: int, seed: str) -> Row:
    """Return a row of about ``tokens`` tokens; the same seed gives the same row."""
    chance = random.Random(seed)
    samples: list[Sample] = []
    while sum(len(sample.ids) for sample in samples) < tokens:
        samples.append(corpus.sample(maker, chance))
    return row_of(samples)


def rate_factor(step: int, done: float, decay: float) -> float:
    """Return the factor on the full rates after a share of a run; it falls to zero over its last share ``decay``."""
    return max(0.0, min(1.0, (step + 1) / WARM_UP_STEPS, (1 - done) / decay))


def share_done(options: argparse.Namespace, tokens: int, elapsed_s: float) -> float:
    """Return which share of a run is done: of its time if that is limited, else of its tokens."""
    return min(1.0, float(elapsed_s / options.seconds if options.seconds else tokens / options.tokens))


@torch.no_grad()
def held_out(student: Student, checks: dict[str, list[Row]]) -> dict[str, float]:
    """Return the loss of each language's middles in nats a token."""
    return {
        language: round(float(torch.cat([student.losses(row) for row in rows]).mean()), 4)
        for language, rows in checks.items()
    }


class Run:
    """One training run.

    Args:
        options: Of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options, self._folder = options, options.run
        self._started = time.monotonic()
        tokenizer = Tokenizer.load(options.base)
        marks = tokenizer.infilling
        new = [] if marks is None or marks.mid is None else [marks.pre, marks.suf, marks.mid, marks.eot]
        lengths = (options.shortest, options.longest)
        self.maker = SampleMaker(tokenizer, SampleOptions(lengths, text_rate=options.text_rate))
        check_maker = SampleMaker(tokenizer, SampleOptions((CHECK_TOKENS, CHECK_TOKENS), text_rate=0.0))
        checks = SampleCorpus(read(self._folder / "held_out.jsonl")).checks(check_maker, options.checks)
        self.corpus = SampleCorpus(read(self._folder / "train.jsonl"))
        rows = SampleRows(self.corpus, self.maker, options.row_tokens)
        # Its processes start before the first operation of torch creates threads.
        self.feeder = Feeder(rows, 1, options.workers, options.seed) if options.workers else None
        self.device = torch.device(options.device)
        choose_attention(self.device)  # nearly every sample has a length of its own
        self.student = Student.load(options.base, new, taught=False).to(self.device)
        self.trainer = Trainer(self.student, threads=self._at_once())
        self.checks = {
            language: [row_of([each]).to(self.device) for each in samples] for language, samples in checks.items()
        }
        self.step = self.tokens = 0

    def _at_once(self) -> int:
        """Return how many rows are learned side by side."""
        options = self._options
        return min(options.rows, options.threads) if self.device.type == "cpu" and not options.workers else 1

    def resume(self) -> None:
        """Continue from the last state, if there is one."""
        file = self._folder / "state.pt"
        if file.exists():
            state = torch.load(file, weights_only=True, map_location=self.device)
            self.trainer.load(state["trainer"])
            self.step, self.tokens = state["step"], state["tokens"]
        else:
            generator = torch.Generator().manual_seed(self._options.seed)
            noise = 0.05 * torch.randn(self.student.rows[:-1].shape, generator=generator)
            with torch.no_grad():
                self.student.rows[:-1] = noise.to(self.device)
            if self._options.start is not None:
                take_up(self.student, Adapter.read(self._options.start), fingerprint(self._options.base))
            self.log("start", held_out=held_out(self.student, self.checks))

    def save(self) -> None:
        """Write state and adapter; a kill at any time leaves whole ones."""
        partial = self._folder / "state.pt.partial"
        torch.save({"trainer": self.trainer.state(), "step": self.step, "tokens": self.tokens}, partial)
        partial.replace(self._folder / "state.pt")
        adapter_of(self.student, fingerprint(self._options.base)).write(self._folder / ADAPTER)

    def log(self, event: str, **fields: Any) -> None:
        """Write a line of ``metrics.jsonl``."""
        seconds = round(time.monotonic() - self._started, 1)
        line = json.dumps({"event": event, "s": seconds, "step": self.step, "tokens": self.tokens, **fields})
        with (self._folder / "metrics.jsonl").open("a") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def _rows(self) -> list[Row]:
        options = self._options
        if self.feeder is None:
            seeds = (f"{options.seed}-{self.step}-{number}" for number in range(options.rows))
            return [row_of_seed(self.corpus, self.maker, options.row_tokens, seed) for seed in seeds]
        return [unpacked(self.feeder.next()[0]) for _ in range(options.rows)]

    def train(self) -> None:
        """Train until the tokens or the time are used up."""
        options, losses = self._options, []
        saved, began, first = time.monotonic(), time.monotonic(), self.tokens
        while (done := share_done(options, self.tokens, time.monotonic() - self._started)) < 1:
            rows = [row.to(self.device) for row in self._rows()]
            losses.append(self.trainer.step(rows, options.rate * rate_factor(self.step, done, options.decay)))
            self.step, self.tokens = self.step + 1, self.tokens + sum(len(row.ids) for row in rows)
            if self.step % options.report == 0:
                speed = (self.tokens - first) / (time.monotonic() - began)
                self.log("step", loss=round(sum(losses) / len(losses), 4), tokens_per_s=round(speed))
                losses = []
            if self.step % options.check == 0:
                self.log("check", held_out=held_out(self.student, self.checks))
            if time.monotonic() - saved > options.save_s:
                self.save()
                saved = time.monotonic()
        self.save()
        self.log("end", held_out=held_out(self.student, self.checks))


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options of a command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="GGUF file with infilling marks")
    parser.add_argument("--run", type=Path, default=Path("training/run"))
    parser.add_argument("--start", type=Path, help="adapter to go on from, such as the package's, with new moments")
    parser.add_argument("--tokens", type=int, default=2_000_000)
    parser.add_argument("--seconds", type=float, default=0.0, help="limit the time instead, from the start on")
    parser.add_argument("--rate", type=float, default=0.4, help="factor on the full rates of `Rates`")
    parser.add_argument("--decay", type=float, default=0.3)
    parser.add_argument("--row-tokens", type=int, default=1024)
    parser.add_argument("--rows", type=int, default=1, help="rows of a step; with --threads, learned side by side")
    parser.add_argument("--shortest", type=int, default=96, help="tokens of a sample")
    parser.add_argument("--longest", type=int, default=384)
    parser.add_argument("--text-rate", type=float, default=0.2, help="share of the tokens around a middle that count")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=0, help="processes that make rows; a run then varies")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--report", type=int, default=5)
    parser.add_argument("--check", type=int, default=40)
    parser.add_argument("--checks", type=int, default=CHECKS)
    parser.add_argument("--save-s", type=float, default=240.0)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Train until the token budget or the time is used up; run again to continue, also with a larger budget."""
    options = options_of(arguments)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(options.threads)
    run = Run(options)
    with run.feeder or contextlib.nullcontext():
        run.resume()
        run.train()


if __name__ == "__main__":
    main()
