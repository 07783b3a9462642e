"""Training rows: files cut into prefix, middle and suffix the way an editor's cursor cuts them.

The layouts are those of the engine (PSM and SPM, half each; some rows are plain left-to-right text).  The cuts are at
line starts, at word edges and inside words, as cursors are.
"""

from __future__ import annotations

import bisect
import itertools
import random
import re
from dataclasses import dataclass

from tokenizers import Tokenizer

from training.corpus import SourceFile
from training.tokenizer import INFILLING_TOKENS

SENTINEL = "☺"
FIM_RATE = 0.85
PREFIX_CHARS = 1_900
SUFFIX_CHARS = 700
MAX_SUFFIX_TOKENS = 160
WORD_EDGE = re.compile(r"\b")


@dataclass(frozen=True)
class Cut:
    """Text around a cursor; ``middle`` is what the model should write."""

    prefix: str
    middle: str
    suffix: str


def _cursor(line: str, chance: random.Random) -> int:
    """Return a column of ``line``: after its indentation, at a word edge or anywhere, a third each."""
    kind = chance.random()
    if kind < 1 / 3:
        return len(line) - len(line.lstrip())
    if kind < 2 / 3:
        return chance.choice([match.start() for match in WORD_EDGE.finditer(line)] or [len(line)])
    return chance.randrange(len(line) + 1)


def cut(text: str, position: int, chance: random.Random) -> Cut:
    """Cut ``text`` somewhere on the line that contains ``position``."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    cursor = start + _cursor(text[start:end], chance)
    kind = chance.random()
    if kind < 0.5:  # the rest of the line
        stop = end
    elif kind < 0.75:  # through the end of a later line
        stop = end
        for _ in range(chance.randint(1, 6)):
            following = text.find("\n", stop + 1)
            stop = len(text) if following < 0 else following
    elif kind < 0.9:  # a few characters of the line
        stop = min(end, cursor + chance.randint(1, 30))
    else:
        stop = min(len(text), cursor + chance.randint(1, 400))
    prefix = text[max(0, cursor - PREFIX_CHARS) : cursor]
    if cursor > PREFIX_CHARS:
        prefix = prefix[prefix.find("\n") + 1 :]
    return Cut(prefix, text[cursor:stop], text[stop : stop + SUFFIX_CHARS])


class RowMaker:
    """Makes rows of ``length + 1`` token ids from files; the same seed gives the same rows."""

    def __init__(self, files: list[SourceFile], tokenizer: Tokenizer, length: int) -> None:
        self.files = files
        self.ends = list(itertools.accumulate(len(file.text) for file in files))
        self.tokenizer = tokenizer
        self.length = length
        self.bos, self.eos = self._id("<s>"), self._id("</s>")
        self.pre, self.suf, self.mid, self.eot = map(self._id, INFILLING_TOKENS)
        self.sentinel_length = len(self._encode(SENTINEL))

    def _id(self, token: str) -> int:
        found: int | None = self.tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"The tokenizer has no {token}; create it with `python -m training.tokenizer`.")
        return found

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _encode_infilling(self, text: str) -> list[int]:
        return self._encode(SENTINEL + text)[self.sentinel_length :]

    def sample(self, chance: random.Random) -> list[int]:
        """Return the ids of one sample of at most ``length + 1`` tokens."""
        place = chance.randrange(self.ends[-1])
        index = bisect.bisect_right(self.ends, place)
        text = self.files[index].text
        position = place - (self.ends[index] - len(text))
        if chance.random() > FIM_RATE:
            start = text.rfind("\n", 0, position) + 1
            body = text[start : start + PREFIX_CHARS]
            ids = [self.bos, *self._encode(body)]
            return ([*ids, self.eos] if start + PREFIX_CHARS >= len(text) else ids)[: self.length + 1]
        piece = cut(text, position, chance)
        middle = self._encode_infilling(piece.middle)[: self.length // 2]
        suffix = self._encode_infilling(piece.suffix)[: chance.randint(0, MAX_SUFFIX_TOKENS)]
        room = self.length + 1 - len(middle) - len(suffix) - 5
        prefix = self._encode(piece.prefix)[-room:]
        if chance.random() < 0.5:
            return [self.bos, self.pre, *prefix, self.suf, *suffix, self.mid, *middle, self.eot]
        return [self.bos, self.pre, self.suf, *suffix, self.mid, *prefix, *middle, self.eot]

    def rows(self, count: int, seed: str) -> list[list[int]]:
        """Return ``count`` rows of exactly ``length + 1`` ids, with short samples packed one after another."""
        chance = random.Random(seed)
        rows: list[list[int]] = []
        for _ in range(count):
            row: list[int] = []
            while len(row) < self.length + 1:
                row += self.sample(chance)
            rows.append(row[: self.length + 1])
        return rows
