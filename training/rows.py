"""Training rows from a tokenised corpus: files cut into prefix, middle and suffix as an editor's cursor cuts them.

No token crosses a newline, so only the cursor's line and the middle are encoded anew; everything else is copied.  The
rows look like the engine's prompts: PSM or SPM, the unfinished word before the cursor left to the middle, sometimes
with text of a neighbouring file in front.  Half of the middles end where the syntax ends.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from infill_completion.engine.learning.cuts import column_of, line_end, stop_of
from infill_completion.prompt.encoding import unfinished
from infill_completion.prompt.headings import path_comment
from training.corpus import SHARES
from training.tokenizer import INFILLING_TOKENS

Ids = NDArray[np.uint16]

SENTINEL = "☺"
INFILL_RATE = 0.88
PREFIX_FIRST_RATE = 0.4
HEAL_RATE = 0.9
CONTEXT_RATE = 0.2
MAX_CONTEXT_TOKENS = 300
MAX_LINES = 14  # of the text in which a middle can end
SUFFIX_SHARE = 0.25
MIN_SAMPLE_TOKENS = 96


class ControlIds(NamedTuple):
    """The ids of the infilling tokens, in the order of `INFILLING_TOKENS`."""

    pre: int
    suf: int
    mid: int
    eot: int


@dataclass(frozen=True)
class TokenisedCorpus:
    """Files as token ids, one after another.

    Attributes:
        ids: The tokens of all files, without start and end tokens.
        starts: Where each file starts in ``ids``, and the end of the last one.
        names: ``project:path`` of each file; a language's files are neighbours.
        languages: The files of each language as a range of indices.
    """

    ids: Ids
    starts: NDArray[np.int64]
    names: list[str]
    languages: dict[str, tuple[int, int]]

    def file(self, index: int) -> Ids:
        """Return the tokens of a file."""
        return self.ids[self.starts[index] : self.starts[index + 1]]


class TokenRowMaker:
    """Makes rows of ``length + 1`` token ids; the same seed gives the same rows."""

    def __init__(self, corpus: TokenisedCorpus, tokenizer: Tokenizer, length: int) -> None:
        self.corpus = corpus
        self.length = length
        self._tokenizer = tokenizer
        self._bos, self._eos = self._id("<s>"), self._id("</s>")
        self.control = ControlIds(*map(self._id, INFILLING_TOKENS))
        self._sentinel = len(tokenizer.encode(SENTINEL, add_special_tokens=False).ids)
        self._newline = self.encode("\n")[0]
        self.pieces = [_bytes_of(tokenizer.id_to_token(id_)) for id_ in range(tokenizer.get_vocab_size())]
        self._languages = [language for language in SHARES if language in corpus.languages]
        self._weights = [SHARES[language] for language in self._languages]

    def _id(self, token: str) -> int:
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"The tokenizer has no {token}; create it with `python -m training.tokenizer`.")
        return found

    def encode(self, text: str) -> list[int]:
        """Return the ids of ``text`` without SentencePiece's space in front."""
        if not text:
            return []
        ids: list[int] = self._tokenizer.encode(SENTINEL + text, add_special_tokens=False).ids
        return ids[self._sentinel :]

    def _text(self, ids: Ids) -> str:
        return b"".join([self.pieces[id_] for id_ in ids.tolist()]).decode("utf-8", "replace")

    def _file(self, chance: random.Random, language: str | None) -> tuple[int, int]:
        """Return the index of a file and a place in it; every token of a language is equally likely."""
        language = language or chance.choices(self._languages, self._weights)[0]
        first, last = self.corpus.languages[language]
        starts = self.corpus.starts
        place = chance.randrange(int(starts[first]), int(starts[last]))
        index = int(np.searchsorted(starts, place, side="right")) - 1
        return index, place - int(starts[index])

    def _plain(self, index: int, place: int, room: int) -> list[int]:
        """Return left-to-right text of at most ``room`` tokens from the start of a line on."""
        ids = self.corpus.file(index)
        breaks = np.flatnonzero(ids[:place] == self._newline)
        start = int(breaks[-1]) + 1 if len(breaks) else 0
        body = ids[start : start + room - 1].tolist()
        return [self._bos, *body, self._eos][:room]

    def _context(self, index: int, chance: random.Random) -> list[int]:
        """Return a piece of a file of the same project under a heading with its path, or nothing."""
        other = index + chance.choice((-3, -2, -1, 1, 2, 3))
        names = self.corpus.names
        if not 0 <= other < len(names) or names[other].partition(":")[0] != names[index].partition(":")[0]:
            return []
        ids = self.corpus.file(other)
        breaks = np.flatnonzero(ids == self._newline)
        if len(breaks) < 8:
            return []
        first = chance.randrange(len(breaks) - 4)
        last = min(len(breaks) - 1, first + chance.randint(4, 40))
        start = 0 if first == 0 else int(breaks[first]) + 1
        body = ids[start : int(breaks[last]) + 1]
        if len(body) > MAX_CONTEXT_TOKENS:
            return []
        heading = self.encode(path_comment(names[other].partition(":")[2]))
        return [*heading, *body.tolist(), self._newline]

    def sample(self, chance: random.Random, room: int, language: str | None = None) -> list[int]:
        """Return the ids of one sample of at most ``room`` tokens."""
        index, place = self._file(chance, language)
        if chance.random() > INFILL_RATE:
            return self._plain(index, place, room)
        ids = self.corpus.file(index)
        low = max(0, place - room - 64)
        window = ids[low : place + room + 400]
        breaks = np.flatnonzero(window == self._newline)
        at = int(np.searchsorted(breaks, place - low))  # The cursor's line ends at breaks[at].
        start = int(breaks[at - 1]) + 1 if at else (0 if low == 0 else place - low)
        stop = int(breaks[min(at + MAX_LINES, len(breaks) - 1)]) + 1 if at < len(breaks) else len(window)
        text = self._text(window[start:stop])
        line = text[: line_end(text, 0)]
        if not line.strip() or "\ufffd" in text:
            return self._plain(index, place, room)
        column = column_of(line, chance)
        end = stop_of(text, column, chance)
        spell = unfinished(line[:column]) if chance.random() < HEAL_RATE else ""
        middle = self.encode(spell + text[column:end])
        context = self._context(index, chance) if chance.random() < CONTEXT_RATE and room > 700 else []
        middle = middle[: room // 2]
        room -= len(context) + len(middle) + 5
        head = self.encode(line[: column - len(spell)])
        tail = [*self.encode(text[end:]), *window[stop:].tolist()]
        share = SUFFIX_SHARE if chance.random() < 0.7 else chance.random() * SUFFIX_SHARE
        before_all = start + len(head)
        tail = tail[: max(int(room * share), room - before_all - 16 if chance.random() < 0.5 else 0, 0)]
        before = self._before(window[:start], head, room - len(tail), whole=low == 0, first=not context)
        prefix = context + before
        marks = self.control
        if chance.random() < PREFIX_FIRST_RATE:
            return [self._bos, marks.pre, *prefix, marks.suf, *tail, marks.mid, *middle, marks.eot]
        return [self._bos, marks.pre, marks.suf, *tail, marks.mid, *prefix, *middle, marks.eot]

    def _before(self, above: Ids, head: list[int], room: int, *, whole: bool, first: bool) -> list[int]:
        """Return the prefix: lines above the cursor's from the start of a line on, and its head."""
        kept = above
        if len(above) + len(head) + 2 > room or not whole:
            kept = above[max(0, len(above) - max(0, room - len(head) - 2)) :]
            breaks = np.flatnonzero(kept == self._newline)
            kept = kept[int(breaks[0]) + 1 :] if len(breaks) else kept[:0]
        ids = [*kept.tolist(), *head][-max(room, 1) :]
        if not first or not ids:
            return ids
        end = ids.index(self._newline) + 1 if self._newline in ids else len(ids)
        lead: list[int] = self._tokenizer.encode(
            self._text(np.array(ids[:end], np.uint16)), add_special_tokens=False
        ).ids
        return ([*lead, *ids[end:]])[-max(room, 1) :]

    def row(self, chance: random.Random, language: str | None = None) -> list[int]:
        """Return ``length + 1`` ids: one or more whole samples, then left-to-right text."""
        row: list[int] = []
        size = self.length + 1
        while (left := size - len(row)) > MIN_SAMPLE_TOKENS:
            room = left if chance.random() < 0.6 or left < 400 else chance.randint(200, left)
            row += self.sample(chance, room, language)[:left]
        while (left := size - len(row)) > 0:
            row += self._plain(*self._file(chance, language), left)
        return row[:size]

    def rows(self, count: int, seed: str, language: str | None = None) -> Ids:
        """Return ``count`` rows, ``(count, length + 1)``."""
        chance = random.Random(seed)
        return np.array([self.row(chance, language) for _ in range(count)], np.uint16)


def _bytes_of(piece: Any) -> bytes:
    if len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
        return bytes([int(piece[3:5], 16)])
    return str(piece).replace("▁", " ").encode()
