"""Scores for completing the rest of a line in held-out files: n-grams of the buffer, the model, and both together.

A hole is a cursor at any character of a line after its indentation; only the exact rest of that line counts, apart from
blanks at its end.  All three predictors see the same prompt, heal the unfinished word before the cursor the same way
and decode greedily.  Half of the held-out files (by hash) is for choosing parameters, the other half for the scores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infill_completion.engine.decoding.generator import Generator
from infill_completion.settings import EngineSettings
from infill_server.commands.bench.quality.intervals import wilson
from training.compare import PredictionSource, Predictor
from training.corpus import SourceFile, read
from training.export import EMBEDDED

MIN_FILE_LINES = 20
MAX_TOKENS = 64


@dataclass(frozen=True)
class HeldOutHole:
    """A cursor in a held-out file; ``prefix + wanted + suffix`` is the file."""

    name: str
    prefix: str
    wanted: str
    suffix: str

    @property
    def in_word(self) -> bool:
        """True if the cursor is inside an identifier or a number."""
        return self.prefix[-1:].isalnum() and self.wanted[:1].isalnum()

    def hit(self, guess: str) -> bool:
        """Return whether a guess is the rest of the line, apart from blanks at the end."""
        return guess.rstrip() == self.wanted.rstrip()


def _hole(file: SourceFile, chance: random.Random) -> HeldOutHole | None:
    lines = file.text.split("\n")
    number = chance.randrange(len(lines) // 4, len(lines))
    line = lines[number]
    indent = len(line) - len(line.lstrip())
    if not line.strip():
        return None
    column = chance.randrange(indent, len(line.rstrip()))
    before = "\n".join([*lines[:number], line[:column]])
    return HeldOutHole(file.name, before, line[column:], "\n".join(["", *lines[number + 1 :]]))


def holes(path: Path, count: int, *, tuning: bool = False) -> list[HeldOutHole]:
    """Return ``count`` holes spread evenly over one half of the held-out files, always the same ones."""
    digests = {file.name: hashlib.sha256(file.text.encode()).digest() for file in read(path)}
    files = [file for file in read(path) if file.text.count("\n") >= MIN_FILE_LINES]
    files = [file for file in files if bool(digests[file.name][4] % 2) is tuning]
    files.sort(key=lambda file: digests[file.name])
    found: list[HeldOutHole] = []
    round_ = 0
    while len(found) < count:
        for file in files:
            hole = _hole(file, random.Random(f"{file.name}-{round_}"))
            if hole is not None and len(found) < count:
                found.append(hole)
        round_ += 1
    return found


def score(predict: Predictor, wanted: Sequence[HeldOutHole]) -> dict[str, Any]:
    """Return the share of exact matches of a predictor: over all holes, inside words, and elsewhere."""
    hits = [hole.hit(predict(hole.prefix, hole.suffix, max_tokens=MAX_TOKENS)) for hole in wanted]
    inside = [hit for hit, hole in zip(hits, wanted, strict=True) if hole.in_word]
    elsewhere = [hit for hit, hole in zip(hits, wanted, strict=True) if not hole.in_word]
    return {
        "exact": sum(hits) / len(hits),
        "interval": wilson(sum(hits), len(hits)),
        "in_word": sum(inside) / max(1, len(inside)),
        "elsewhere": sum(elsewhere) / max(1, len(elsewhere)),
    }


def main() -> None:
    """Score the embedded model and write ``scores.json`` for the model card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("training/run"))
    parser.add_argument("--folder", type=Path, default=EMBEDDED)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--tuning", action="store_true", help="use the half for choosing parameters")
    parser.add_argument("--set", type=json.loads, default={}, help="JSON to override settings of the model")
    options = parser.parse_args()
    generator = Generator.load(EngineSettings(model=str(options.folder), device="cpu"), lambda _share, _what: None)
    wanted = holes(options.run / "held_out.jsonl", options.count, tuning=options.tuning)
    sample = read(options.run / "held_out.jsonl")[:40]
    tokens = sum(len(generator.model.tokenizer.encode(file.text)) for file in sample)
    scores = {str(source): score(Predictor(generator, source, **options.set), wanted) for source in PredictionSource}
    report = {
        "count": len(wanted),
        "in_word_share": sum(hole.in_word for hole in wanted) / len(wanted),
        "chars_per_token": sum(len(file.text) for file in sample) / tokens,
        "scores": scores,
    }
    for name, figures in scores.items():
        print(
            f"{name:6} {figures['exact']:.3f}  in word {figures['in_word']:.3f}  elsewhere {figures['elsewhere']:.3f}"
        )
    if not options.tuning:
        (options.run / "scores.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
