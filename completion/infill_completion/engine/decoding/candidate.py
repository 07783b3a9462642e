"""A candidate while it is decoded: the scores of its next token, and the text of its tokens so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from infill_completion.api import Chunk, FinishReason
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.decoding.detokenizer import Detokenizer
from infill_completion.engine.decoding.healing import Speller, spelled
from infill_completion.engine.decoding.old_text import OldText
from infill_completion.engine.model.native.step import NativeStep
from infill_completion.engine.ngram.mixture import mix
from infill_completion.engine.ngram.nested_counts import NestedCounts

# So many of the likeliest tokens say which character comes next.
_FOLLOWING_TOKENS = 64
# So many at most are named instead of a token, if they are so likely.
_MOST_ALTERNATIVES = 8
_LEAST_ALTERNATIVE = 0.02


class StopText:
    """Passes text on up to the first stop string; holds back what may be the start of one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.stopped = False

    def push(self, text: str, *, last: bool = False) -> str:
        """Add text and return the part that is now known to come before any stop string."""
        self._held += text
        places = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if places:
            self.stopped = True
            return self._take(min(places))
        if last:
            return self._take(len(self._held))
        overlap = max((self._overlap(stop) for stop in self._stops), default=0)
        return self._take(len(self._held) - overlap)

    def _overlap(self, stop: str) -> int:
        lengths = range(min(len(stop) - 1, len(self._held)), 0, -1)
        return next((length for length in lengths if stop.startswith(self._held[-length:])), 0)

    def _take(self, length: int) -> str:
        text, self._held = self._held[:length], "" if self.stopped else self._held[length:]
        return text


class Candidate:
    """One of the answers to a request.

    Args:
        number: Its index among the candidates.
        tokenizer: The model's tokenizer.
        speller: Finds the tokens that spell ``spell``.
        spell: Text that the tokens must begin with; it is not part of the answer.
        stops: Strings that end the answer; they are not part of it.
        stop_tokens: Ids that end the answer.
        max_tokens: Maximum number of tokens in the answer; tokens that only spell are not counted.
        counts: The counts to mix in or to draft from, or None.
        native: Returns the compiled step, which can mix too, or None while there is none.
        ends_with_line: Whether the first line that has text ends the answer, unless that is an opening brace.

    Attributes:
        number: As given.
        finish: Why the candidate has ended; None while it is decoded.
        ids: Its tokens so far.
        raw: Their text, including what stop strings cut off.
        old_text: The text that is rewritten, if one is, to draft from.
    """

    def __init__(
        self,
        number: int,
        tokenizer: Tokenizer,
        speller: Speller,
        spell: str,
        stops: Sequence[str],
        stop_tokens: frozenset[int],
        max_tokens: int,
        counts: NestedCounts | None = None,
        native: Callable[[], NativeStep | None] = lambda: None,
        *,
        ends_with_line: bool = False,
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
        self._counts, self._native = counts, native
        self._ends_with_line = ends_with_line
        self._resumed: list[int] = []
        self.old_text: OldText | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the next token depends on the model alone: no counts are mixed in and nothing is left to spell."""
        return not self._rest and not self._is_mixed

    @property
    def _is_mixed(self) -> bool:
        return self._counts is not None and self._counts.is_mixed

    def resume(self, ids: Sequence[int]) -> None:
        """Draft ``ids`` first, which an earlier request generated here, including those that only spell."""
        self._resumed = list(ids)

    def scores(self, logits: Tensor) -> Tensor:
        """Return the scores to choose the next token from, ``(vocabulary,)``, given the model's scores."""
        if self.is_plain:
            return logits
        left, masses = self._counts.blend() if self._counts is not None else (1.0, {})
        allowed = self._speller.allowed(self._rest) if self._rest else None
        if (step := self._native()) is not None:
            return step.sampler.mix(logits, left, masses, allowed)
        if self._is_mixed:
            logits = mix(logits, left, masses)
        if allowed is None:
            return logits
        masked = torch.full_like(logits, float("-inf"))
        return masked.index_copy_(0, allowed, logits[allowed])

    def draft(self, count: int) -> list[int]:
        """Return up to ``count`` likely next tokens; the counts give none while a word is being spelled."""
        count = max(0, min(count, self._left - 1))
        if self._resumed:
            return self._resumed[:count]
        if self.old_text is not None and (drafted := self.old_text.draft(count)):
            return drafted
        if self._counts is None or self._rest:
            return []
        return self._counts.draft(count)

    def only_spells(self, id_: int) -> bool:
        """Return whether token ``id_`` would add nothing to the answer's text, because it spells what is before it."""
        return id_ not in self._stop_tokens and 0 < len(self._tokenizer.pieces[id_]) <= len(self._rest)

    def next_characters(self, scores: Tensor, count: int) -> dict[str, float]:
        """Return how likely characters are to be the first of the answer's text, the likeliest ``count`` of them.

        The empty string stands for the end of the answer. Nothing once there is some text.

        Args:
            scores: The scores to choose the next token from, ``(vocabulary,)``.
            count: The most characters.
        """
        if self.raw:
            return {}
        shares: dict[str, float] = {}
        for _, text, share in self._likely(scores, _FOLLOWING_TOKENS):
            shares[text[:1]] = shares.get(text[:1], 0.0) + share
        return dict(sorted(shares.items(), key=lambda item: item[1], reverse=True)[:count])

    def alternatives(self, scores: Tensor, chosen: int, logprob: float) -> dict[str, float]:
        """Return the texts that the answer may have instead of the token ``chosen``, with their shares.

        The empty string stands for the end of the answer. Nothing where the model is sure, which costs nothing either.

        Args:
            scores: The scores that the token was chosen from, ``(vocabulary,)``.
            chosen: The token.
            logprob: Its log-probability (nats).
        """
        if math.exp(logprob) > 1 - _LEAST_ALTERNATIVE:
            return {}
        shares: dict[str, float] = {}
        for id_, text, share in self._likely(scores, _MOST_ALTERNATIVES):
            if id_ != chosen and share >= _LEAST_ALTERNATIVE:
                shares[text] = shares.get(text, 0.0) + share
        return shares

    def _likely(self, scores: Tensor, count: int) -> Iterator[tuple[int, str, float]]:
        """Yield the likeliest tokens with what they add to the text; nothing for those that only spell or break off."""
        likely = scores.softmax(-1).topk(min(count, scores.shape[-1]))
        for share, id_ in zip(likely.values.tolist(), likely.indices.tolist(), strict=True):
            is_end = id_ in self._stop_tokens
            text = "" if is_end else self._tokenizer.pieces[id_][len(self._rest) :].decode(errors="ignore")
            if share > 0 and (text or is_end):
                yield id_, text, share

    def push(self, id_: int, logprob: float) -> Chunk:
        """Append the chosen token and return what it adds; :attr:`finish` is set if it was the last."""
        self.ids.append(id_)
        self._resumed = self._resumed[1:] if self._resumed[:1] == [id_] else []
        if id_ in self._stop_tokens:
            return self._end(FinishReason.STOP, logprob, 1)
        if self._counts is not None:
            self._counts.append(id_)
        if self.old_text is not None:
            self.old_text.append(id_)
        spelling = bool(self._rest)
        piece = self._tokenizer.pieces[id_]
        only_spells = spelling and len(piece) <= len(self._rest)
        self._rest = spelled(self._rest, piece)
        fresh = self._text.push(id_)
        self.raw += fresh
        text = self._stop_text.push(fresh)
        if self._stop_text.stopped or (self._ends_with_line and "\n" in fresh and self._has_line()):
            self.finish = FinishReason.STOP
        elif not only_spells:
            self._left -= 1
            if self._left <= 0:
                return self._end(FinishReason.LENGTH, logprob, 1, text)
        return Chunk(self.number, text, self.finish, logprob, 1)

    def _has_line(self) -> bool:
        """Return whether the text has a whole line that is not an opening brace."""
        line, newline, _ = self.raw.lstrip().partition("\n")
        return bool(newline) and line.strip() != "{"

    def end(self, reason: FinishReason) -> Chunk:
        """End the candidate for a reason of the caller's and return the text that was held back."""
        return self._end(reason, 0.0, 0)

    def _end(self, reason: FinishReason, logprob: float, count: int, text: str = "") -> Chunk:
        self.finish = reason
        tail = self._text.flush()
        self.raw += tail
        return Chunk(self.number, text + self._stop_text.push(tail, last=True), reason, logprob, count)
