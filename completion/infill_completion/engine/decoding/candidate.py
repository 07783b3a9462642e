"""One candidate while it is decoded: what its next token may be, and the text its tokens make."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Items

import torch
from torch import Tensor

from infill_completion.api import Chunk, FinishReason
from infill_completion.engine.checkpoints.tokenizer import Detokenizer, Tokenizer
from infill_completion.engine.decoding.healing import Speller, spelled
from infill_completion.engine.model.native.step import NativeStep
from infill_completion.engine.ngram.index import NgramIndex
from infill_completion.engine.ngram.mixture import CacheParameters, blend, mix

MIN_DRAFT_ORDER = 2


class StopText:
    """Lets text through up to the first stop string; keeps back what may become the start of one."""

    def __init__(self, stops: Items[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._kept = ""
        self.stopped = False

    def push(self, text: str, *, last: bool = False) -> str:
        """Take more text and return what is now known to stand before any stop string."""
        self._kept += text
        places = [place for stop in self._stops if (place := self._kept.find(stop)) >= 0]
        if places:
            self.stopped = True
            return self._take(min(places))
        if last:
            return self._take(len(self._kept))
        held = max((self._overlap(stop) for stop in self._stops), default=0)
        return self._take(len(self._kept) - held)

    def _overlap(self, stop: str) -> int:
        lengths = range(min(len(stop) - 1, len(self._kept)), 0, -1)
        return next((length for length in lengths if stop.startswith(self._kept[-length:])), 0)

    def _take(self, length: int) -> str:
        text, self._kept = self._kept[:length], "" if self.stopped else self._kept[length:]
        return text


class Sequence:
    """A candidate.

    Args:
        number: Its index among the candidates.
        tokenizer: Of the model.
        speller: Finds the tokens that spell ``spell``.
        spell: Text the tokens must begin with; it is not part of the answer.
        stops: Texts the answer ends before.
        stop_tokens: Ids the answer ends before.
        max_tokens: Most tokens of the answer; those that only spell do not count.
        index: The n-gram index to mix in, or None.
        cache: Its weights; None leaves the model's scores as they are, and the index only drafts.
        native: Gives the compiled step, which mixes too, where there is one by now.
    """

    def __init__(
        self,
        number: int,
        tokenizer: Tokenizer,
        speller: Speller,
        spell: str,
        stops: Items[str],
        stop_tokens: frozenset[int],
        max_tokens: int,
        index: NgramIndex | None = None,
        cache: CacheParameters | None = None,
        native: Callable[[], NativeStep | None] = lambda: None,
    ) -> None:
        self.number = number
        self.finish: FinishReason | None = None
        self.ids: list[int] = []
        self.raw = ""
        self._tokenizer, self._speller = tokenizer, speller
        self._rest = spell.encode()
        self._text = Detokenizer(tokenizer, skip_bytes=len(self._rest))
        self._stop_text = StopText(stops)
        self._stop_tokens, self._left = stop_tokens, max_tokens
        self._index, self._cache, self._native = index, cache, native
        self._resumed: list[int] = []

    @property
    def is_plain(self) -> bool:
        """Whether the next token is the model's own choice: no index is mixed in and nothing has to be spelled."""
        return not self._rest and (self._index is None or self._cache is None)

    def resume(self, ids: Items[int]) -> None:
        """Draft ``ids`` first, which an earlier request wrote here; what they spell counts too."""
        self._resumed = list(ids)

    def scores(self, logits: Tensor) -> Tensor:
        """Return the scores to choose the next token from, ``(vocabulary,)``, given the model's."""
        if self.is_plain:
            return logits
        levels = self._index.levels() if self._index is not None and self._cache is not None else []
        allowed = self._speller.allowed(self._rest) if self._rest else None
        if (step := self._native()) is not None:
            left, masses = blend(levels, self._cache) if self._cache is not None else (1.0, {})
            return step.choice.mix(logits, left, masses, allowed)
        if self._cache is not None:
            logits = mix(logits, levels, self._cache)
        if allowed is None:
            return logits
        masked = torch.full_like(logits, float("-inf"))
        return masked.index_copy_(0, allowed, logits[allowed])

    def draft(self, count: int) -> list[int]:
        """Return up to ``count`` tokens that may well come next; of the index none while a word is being spelled."""
        count = max(0, min(count, self._left - 1))
        if self._resumed:
            return self._resumed[:count]
        if self._index is None or self._rest:
            return []
        return self._index.draft(count, min_order=MIN_DRAFT_ORDER)

    def push(self, id_: int, logprob: float) -> Chunk:
        """Take the chosen token and return what it adds; :attr:`finish` tells whether it was the last."""
        self.ids.append(id_)
        self._resumed = self._resumed[1:] if self._resumed[:1] == [id_] else []
        if id_ in self._stop_tokens:
            return self._end(FinishReason.STOP, logprob, 1)
        if self._index is not None:
            self._index.append(id_)
        spelling = bool(self._rest)
        piece = self._tokenizer.pieces[id_]
        only_spells = spelling and len(piece) <= len(self._rest)
        self._rest = spelled(self._rest, piece)
        fresh = self._text.push(id_)
        self.raw += fresh
        text = self._stop_text.push(fresh)
        if self._stop_text.stopped:
            self.finish = FinishReason.STOP
        elif not only_spells:
            self._left -= 1
            if self._left <= 0:
                return self._end(FinishReason.LENGTH, logprob, 1, text)
        return Chunk(self.number, text, self.finish, logprob, 1)

    def end(self, reason: FinishReason) -> Chunk:
        """End the candidate from outside and return what was kept back."""
        return self._end(reason, 0.0, 0)

    def _end(self, reason: FinishReason, logprob: float, count: int, text: str = "") -> Chunk:
        self.finish = reason
        tail = self._text.flush()
        self.raw += tail
        return Chunk(self.number, text + self._stop_text.push(tail, last=True), reason, logprob, count)
