"""Samples of the corpus for `training.teaching.run`, as rows of one length that worker processes can make."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from infill_completion.api import ContextItem
from infill_completion.engine.learning.samples import SampleMaker
from infill_completion.engine.learning.student import Row, Sample, row_of
from training.corpus import SHARES, SourceFile

Packed = NDArray[np.uint16]

NEIGHBOURS = (-3, -2, -1, 1, 2, 3)
_WANTED, _FIRST = 1, 2


class SampleCorpus:
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


class SampleRows:
    """Rows of whole samples in numbers of 16 bits, for :class:`training.feeder.Feeder`.

    Args:
        corpus: Where the samples are from.
        maker: Makes them.
        tokens: Most tokens of a row.
    """

    def __init__(self, corpus: SampleCorpus, maker: SampleMaker, tokens: int) -> None:
        self._corpus, self._maker, self._tokens = corpus, maker, tokens
        self.length = 2 * tokens - 1  # a feeder's rows have one more: the tokens, and what each of them is

    def rows(self, count: int, seed: str) -> Packed:
        """Return ``count`` rows, ``(count, length + 1)``; the same seed gives the same rows."""
        chance = random.Random(seed)
        return np.stack([self._row(chance) for _ in range(count)])

    def _row(self, chance: random.Random) -> Packed:
        ids, kinds = np.zeros(self._tokens, np.uint16), np.zeros(self._tokens, np.uint16)
        at = 0
        while True:
            sample = self._corpus.sample(self._maker, chance)
            end = at + len(sample.ids)
            if end > self._tokens:
                if at:
                    return np.concatenate([ids, kinds])
                continue
            ids[at:end] = sample.ids
            kinds[at:end] = np.array(sample.wanted, np.uint16) * _WANTED
            kinds[at] |= _FIRST
            at = end


def unpacked(row: Packed) -> Row:
    """Return a row of :class:`SampleRows` as the student reads it, without the padding at its end."""
    ids, kinds = np.split(row, 2)
    starts = np.flatnonzero(kinds & _FIRST).tolist()
    end = len(ids) - int(np.argmax(kinds[::-1] > 0))  # the last token of a sample is always wanted
    return row_of(
        [
            Sample(ids[first:last].tolist(), (kinds[first:last] & _WANTED).astype(bool).tolist())
            for first, last in zip(starts, [*starts[1:], end], strict=True)
        ]
    )
