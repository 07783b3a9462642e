"""One candidate of a request, while its text is streamed and once it is complete."""

from __future__ import annotations

import math
from dataclasses import dataclass

from infill_completion.api import Chunk, FinishReason
from infill_completion.suggest.ending import begins_below, finished, settled
from infill_completion.suggest.extent import Extent, ExtentKind
from infill_completion.suggest.filters.loops import ends_in_loop
from infill_completion.suggest.preamble import Preamble, is_reasoning
from infill_completion.suggest.showing.judge import Begun

# A text is examined at every line end and after every so many characters, which is about once a token. A long one is
# examined when it has grown by this part of its length, so that all examinations together take linear time.
_EXAMINE_EVERY = 4
_LONG_TEXT, _LONG_TEXT_GROWTH = 256, 1 / 64
# Servers that ignore max_tokens are cut off. Tokens of code have 3 to 4 characters, those of blanks many more.
_MAX_CHARACTERS_PER_TOKEN = 12
_MIN_CHARACTERS, _MAX_CHARACTERS = 512, 16_384
# So many blank lines, or blanks, in a row are followed by more of them.
_MAX_BLANK_LINES, _MAX_BLANKS = 12, 400
# A text that has become so long without a preamble has none.
_MAX_PREAMBLE = 500


@dataclass(frozen=True)
class Choice:
    """What the model wrote for one candidate.

    Attributes:
        raw: The model's text up to the point where it was enough.
        text: The part of it that lies within the extent, with LF line ends.
        finish_reason: Why it ended; STOP also if the text was enough.
        confidence: The geometric mean of the tokens' probabilities, 0 to 1; None if the engine reports none.
        is_below: Whether the model left the cursor's line as it is and went on below, which is not shown.
        first_logprob: The log-probability of its first token in nats; None if the engine reports none.
    """

    raw: str
    text: str
    finish_reason: FinishReason
    confidence: float | None
    is_below: bool = False
    first_logprob: float | None = None


class ChoiceBuilder:
    """Collects the chunks of one candidate until its suggestion is settled.

    Attributes:
        text: Everything received.
        is_settled: Whether further text cannot change the suggestion.
    """

    def __init__(self, extent: Extent, preamble: Preamble | None = None, max_tokens: int = 4096) -> None:
        """Collect one candidate.

        Args:
            extent: How far the suggestion may reach.
            preamble: Finds where the answer begins in the text; None if there is nothing before it.
            max_tokens: How many tokens the engine may send.
        """
        self.text = ""
        self.is_settled = False
        self._extent = extent
        self._preamble = preamble
        likely = max_tokens * _MAX_CHARACTERS_PER_TOKEN
        self._max_characters = min(max(likely, _MIN_CHARACTERS), _MAX_CHARACTERS)
        self._reason: FinishReason | None = None
        self._is_endless = False
        self._seen = self._examined = 0
        self._has_begun = False
        self._enough: str | None = None
        self._logprob_sum = 0.0
        self._first_logprob: float | None = None
        self._tokens = 0

    def add(self, chunk: Chunk) -> None:
        """Append a chunk of the stream."""
        self.text += chunk.text[: self._max_characters - len(self.text)]
        self._reason = chunk.finish_reason or self._reason
        if self.is_settled:
            return  # Tokens after the suggestion say nothing about its confidence.
        if not self._tokens and chunk.token_count and chunk.logprob_sum:
            self._first_logprob = chunk.logprob_sum / chunk.token_count
        self._logprob_sum += chunk.logprob_sum
        self._tokens += chunk.token_count
        self._examine()
        if len(self.text) >= self._max_characters and not self.is_settled:
            self.is_settled = self._is_endless = True

    @property
    def begun(self) -> Begun:
        """What has been received so far."""
        return Begun(len(self.text), self._tokens, self._logprob_sum)

    def agrees_with(self, typed: str) -> bool:
        """Return whether the text received so far may still become what the user has typed."""
        answer = self._answer()
        return answer.startswith(typed) or typed.startswith(answer)

    def build(self, *, is_cut: bool) -> Choice:
        """Return the candidate.

        Args:
            is_cut: Whether the stream was given up before its end.
        """
        reason = self._finish_reason(is_cut=is_cut)
        raw = self._answer() if self._enough is None else self._enough
        if not raw.strip() and self.text.strip() and self._preamble is not None:  # There was nothing but a preamble.
            raw = self.text
            if is_reasoning(raw):
                return Choice(raw, "", reason, None)
        text = finished(self._extent, raw, is_whole=reason is FinishReason.STOP)
        confidence = math.exp(self._logprob_sum / self._tokens) if self._tokens and self._logprob_sum else None
        is_below = not text.strip() and begins_below(self._extent, raw)
        return Choice(raw, text, reason, confidence, is_below, self._first_logprob)

    def _examine(self) -> None:
        """Settle the suggestion at the first position where that is possible.

        The positions depend on the text alone. Chunks end where the network happened to end them, which must not change
        an answer.
        """
        answer = self._answer()
        for end in range(self._seen + 1, len(answer) + 1):
            if not self._is_due(answer, end):
                continue
            self._examined, part = end, answer[:end]
            self._is_endless = _ends_in_blanks(part) or ends_in_loop(part)
            self.is_settled = self._is_endless or settled(self._extent, part) is not None
            if self.is_settled:
                self._enough = part
                break
        self._seen = len(answer)

    def _is_due(self, answer: str, end: int) -> bool:
        if end > _LONG_TEXT:
            return end - self._examined >= end * _LONG_TEXT_GROWTH
        return answer[end - 1] == "\n" or end % _EXAMINE_EVERY == 0

    def _answer(self) -> str:
        """Return the text without what the model writes before its answer."""
        if self._preamble is None or self._has_begun:
            return self.text
        answer = self._preamble.answer(self.text, is_body=self._extent.kind is ExtentKind.BODY)
        self._has_begun = len(answer) == len(self.text) > _MAX_PREAMBLE and not self.is_settled
        return answer

    def _finish_reason(self, *, is_cut: bool) -> FinishReason:
        if self._is_endless:
            return FinishReason.LENGTH  # It would have gone on to the last token.
        if self.is_settled:
            return FinishReason.STOP
        # A server that sends fewer choices than requested, or an empty one, has nothing more to say.
        is_missing = not (is_cut or self.text)
        return self._reason or (FinishReason.STOP if is_missing else FinishReason.DEADLINE)


def _ends_in_blanks(text: str) -> bool:
    tail = text[-_MAX_BLANKS:]
    blanks = tail[len(tail.rstrip()) :]
    return len(blanks) == _MAX_BLANKS or blanks.count("\n") > _MAX_BLANK_LINES
