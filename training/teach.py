"""Teach a left-to-right model in 4 bits to infill, on idle CPU cores in the background.

``python -m training.teach --base MARKED.gguf --run FOLDER`` reads ``train.jsonl`` and ``held_out.jsonl`` of
`training.corpus` in FOLDER and learns gains and shifts of the model's 4-bit groups.  It can be killed at any time and
goes on from ``state.pt`` when it is run again; the rows depend on the seed and the step alone.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

from infill_completion.api import ContextItem
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.learning.samples import SampleMaker, SampleOptions
from infill_completion.engine.learning.student import Row, Sample, Student, row_of
from infill_completion.engine.learning.trainer import Trainer
from training.corpus import SHARES, SourceFile, read

WARM_UP_STEPS = 20
NEIGHBOURS = (-3, -2, -1, 1, 2, 3)
CHECKS = 16  # samples of each language
CHECK_TOKENS = 320


class Corpus:
    """Files by language, from which samples are drawn in the shares of `SHARES`."""

    def __init__(self, files: list[SourceFile]) -> None:
        self._files: dict[str, list[SourceFile]] = defaultdict(list)
        for file in files:
            self._files[file.language].append(file)
        self.languages = [language for language in SHARES if language in self._files]
        self._weights = [SHARES[language] for language in self.languages]
        self._sizes = {each: [len(file.text) for file in self._files[each]] for each in self.languages}

    def sample(self, maker: SampleMaker, chance: random.Random) -> Sample:
        """Return a sample; every character of a language is equally likely."""
        while True:
            language = chance.choices(self.languages, self._weights)[0]
            files = self._files[language]
            index = chance.choices(range(len(files)), self._sizes[language])[0]
            file, other = files[index], files[min(max(index + chance.choice(NEIGHBOURS), 0), len(files) - 1)]
            others = [ContextItem(other.name.partition(":")[2], other.text)] if other.project == file.project else []
            made = maker.sample(file.text, others if other is not file else [], chance)
            if made is not None:
                return made

    def checks(self, maker: SampleMaker, count: int) -> dict[str, list[Sample]]:
        """Return samples of each language, always the same ones."""
        found: dict[str, list[Sample]] = {}
        for language in self.languages:
            chance = random.Random(f"check-{language}")
            found[language] = []
            while len(found[language]) < count:
                file = chance.choice(self._files[language])
                if (made := maker.sample(file.text, [], chance)) is not None:
                    found[language].append(made)
        return found


def rows_of_step(corpus: Corpus, maker: SampleMaker, tokens: int, seed: str) -> list[Row]:
    """Return one row of about ``tokens`` tokens; the same seed gives the same row."""
    chance = random.Random(seed)
    samples: list[Sample] = []
    while sum(len(sample.ids) for sample in samples) < tokens:
        samples.append(corpus.sample(maker, chance))
    return [row_of(samples)]


def rate_factor(step: int, tokens: int, budget: int, decay: float) -> float:
    """Return the factor on the full rates after ``tokens`` of ``budget``; it falls over the share ``decay`` of them."""
    return min(1.0, (step + 1) / WARM_UP_STEPS, max(0.0, (budget - tokens) / (decay * budget)))


@torch.no_grad()
def held_out(student: Student, checks: dict[str, list[Sample]]) -> dict[str, float]:
    """Return the loss of each language's middles in nats a token."""
    return {
        language: round(float(torch.cat([student.losses(row_of([each])) for each in samples]).mean()), 4)
        for language, samples in checks.items()
    }


class Run:
    """One training run.

    Args:
        options: Of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options, self._folder = options, options.run
        tokenizer = Tokenizer.load(options.base)
        marks = tokenizer.infilling
        if marks is None or marks.mid is None:
            raise SystemExit("The model has no infilling marks; run `python -m training.marking` first.")
        self.student = Student.load(options.base, [marks.pre, marks.suf, marks.mid, marks.eot])
        self.trainer = Trainer(self.student)
        self.maker = SampleMaker(tokenizer, SampleOptions((options.shortest, options.longest)))
        check_maker = SampleMaker(tokenizer, SampleOptions((CHECK_TOKENS, CHECK_TOKENS), text_rate=0.0))
        self.checks = Corpus(read(self._folder / "held_out.jsonl")).checks(check_maker, options.checks)
        self.corpus = Corpus(read(self._folder / "train.jsonl"))
        self.step = self.tokens = 0

    def resume(self) -> None:
        """Continue from the last state, if there is one."""
        file = self._folder / "state.pt"
        if file.exists():
            state = torch.load(file, weights_only=True)
            self.trainer.load(state["trainer"])
            self.step, self.tokens = state["step"], state["tokens"]
        else:
            generator = torch.Generator().manual_seed(self._options.seed)
            with torch.no_grad():
                self.student.rows[:-1] = 0.05 * torch.randn(self.student.rows[:-1].shape, generator=generator)
            self.log("start", held_out=held_out(self.student, self.checks))

    def save(self) -> None:
        """Write the state; a kill at any time leaves a whole one."""
        partial = self._folder / "state.pt.partial"
        torch.save({"trainer": self.trainer.state(), "step": self.step, "tokens": self.tokens}, partial)
        partial.replace(self._folder / "state.pt")

    def log(self, event: str, **fields: Any) -> None:
        """Write a line of ``metrics.jsonl``."""
        line = json.dumps({"event": event, "step": self.step, "tokens": self.tokens, **fields})
        with (self._folder / "metrics.jsonl").open("a") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def train(self) -> None:
        """Train until the token budget is used up."""
        options, losses = self._options, []
        saved, began, first = time.monotonic(), time.monotonic(), self.tokens
        while self.tokens < options.tokens:
            rows = rows_of_step(self.corpus, self.maker, options.row_tokens, f"{options.seed}-{self.step}")
            losses.append(self.trainer.step(rows, rate_factor(self.step, self.tokens, options.tokens, options.decay)))
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


def main() -> None:
    """Train until the token budget is used up; run again to continue, also with a larger budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="GGUF file with infilling marks")
    parser.add_argument("--run", type=Path, default=Path("training/run"))
    parser.add_argument("--tokens", type=int, default=2_000_000)
    parser.add_argument("--decay", type=float, default=0.3)
    parser.add_argument("--row-tokens", type=int, default=2048, help="of a step")
    parser.add_argument("--shortest", type=int, default=96, help="tokens of a sample")
    parser.add_argument("--longest", type=int, default=384)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--report", type=int, default=5)
    parser.add_argument("--check", type=int, default=40)
    parser.add_argument("--checks", type=int, default=CHECKS)
    parser.add_argument("--save-s", type=float, default=240.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(options.threads)
    run = Run(options)
    run.resume()
    run.train()


if __name__ == "__main__":
    main()
