"""How well the rest of a line is completed on held-out files: buffer-only n-grams, the model, and both together.

A hole is a cursor at any character of a line behind its indentation; the rest of that line is wanted, exactly, blanks
at its end aside.  All three predictors see the same prompt.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path

from training.corpus import SourceFile, read

MIN_FILE_LINES = 20


@dataclass(frozen=True)
class Hole:
    """A cursor in a held-out file; ``prefix + wanted + suffix`` is the file."""

    name: str
    prefix: str
    wanted: str
    suffix: str

    @property
    def in_word(self) -> bool:
        """True where the cursor stands inside an identifier or a number."""
        return self.prefix[-1:].isalnum() and self.wanted[:1].isalnum()


def _hole(file: SourceFile, chance: random.Random) -> Hole | None:
    lines = file.text.split("\n")
    number = chance.randrange(len(lines) // 4, len(lines))
    line = lines[number]
    indent = len(line) - len(line.lstrip())
    if not line.strip():
        return None
    column = chance.randrange(indent, len(line.rstrip()))
    before = "\n".join([*lines[:number], line[:column]])
    return Hole(file.name, before, line[column:], "\n".join(["", *lines[number + 1 :]]))


def holes(path: Path, count: int) -> list[Hole]:
    """Return ``count`` holes spread evenly over the held-out files; the same files give the same holes."""
    files = [file for file in read(path) if file.text.count("\n") >= MIN_FILE_LINES]
    files.sort(key=lambda file: hashlib.sha256(file.text.encode()).digest())
    found: list[Hole] = []
    turn = 0
    while len(found) < count:
        for file in files:
            hole = _hole(file, random.Random(f"{file.name}-{turn}"))
            if hole is not None and len(found) < count:
                found.append(hole)
        turn += 1
    return found
