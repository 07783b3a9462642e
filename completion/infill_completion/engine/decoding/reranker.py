"""Lines of a model, compared by how likely they make the text after the cursor.

A left-to-right model is shown the lines below as text above, and a small one that infills makes too little of them.
What the model nearly wrote instead is continued beside its own answer in a fork of one cache, and the line after which
the suffix is likeliest wins: by Bayes' rule the probability of a line given both sides is proportional to that of the
line times that of the suffix after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from collections.abc import Generator as Steps
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from infill_completion.api import Chunk, CompletionRequest, FinishReason
from infill_completion.engine.checkpoints.model_settings import RerankParameters
from infill_completion.engine.decoding.alternatives import Alternative, Alternatives
from infill_completion.engine.decoding.candidate import Candidate
from infill_completion.engine.decoding.distinct import DISTINCT_BELOW_TEMPERATURE
from infill_completion.engine.decoding.loaded_model import LoadedModel
from infill_completion.engine.decoding.suffix import has_text, line_end, parts
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.kv_slots import Slot, common_prefix
from infill_completion.prompt.formats import PromptLayout
from infill_completion.prompt.layout import flat
from infill_completion.prompt.tokens import Prompt

MAX_LINE_TOKENS = 32  # a longer line is shown as it is written
_STEP = 1e-6  # nats by which equal candidates differ
SEVERAL_LEAST_SHARE = 0.01  # of a beginning where the user wants several lines to choose from
PASS_TOKENS = 32  # of the suffix after all lines, between two checks for cancellation


@dataclass
class Line:
    """One way to write the first line.

    Attributes:
        candidate: Its tokens.
        chunks: What they add, one chunk a token.
        own_logprob: Log-probability (nats) of its tokens without what follows them.
        suffix_logprob: Log-probability of the suffix after it.
        score: What it is compared by.
        may_win: Whether its beginning is likely enough to be the first answer.
    """

    candidate: Candidate
    chunks: list[Chunk] = field(default_factory=list)
    own_logprob: float = 0.0
    suffix_logprob: float = 0.0
    score: float = 0.0
    may_win: bool = True

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(chunk.text for chunk in self.chunks)

    @property
    def logprob(self) -> float:
        """Log-probability (nats) of its tokens."""
        return sum(chunk.logprob_sum for chunk in self.chunks)

    def push(self, id_: int, logprob: float) -> None:
        """Append a token."""
        self.chunks.append(self.candidate.push(id_, logprob))


def is_wanted(model: LoadedModel, request: CompletionRequest, prompt: Prompt) -> bool:
    """Return whether several lines are to be compared: there is a suffix, and one line is expected.

    A model that infills compares only where the user waits, because keys come too fast for it.
    Several candidates are the likeliest of these lines, unless they are to be independent draws.
    """
    parameters = model.settings.rerank
    if parameters is None or not has_text(request.suffix):
        return False
    if not _is_plain(prompt) and not (parameters.infilling and request.is_invoked):
        return False
    is_one_line = request.one_line or "\n" in request.stop
    is_drawn = request.temperature >= DISTINCT_BELOW_TEMPERATURE
    return is_one_line and (request.n == 1 or (request.n <= 1 + parameters.alternatives and not is_drawn))


class Reranker:
    """Finds the first line of an answer, and others for the other candidates.

    Args:
        model: The model that answers.
        request: The request.
        candidate: Makes a fresh candidate of the request.
        poll: Returns why decoding must end, or None.
        has_time: Returns whether there is as much time left as the first line took.

    Attributes:
        is_done: Whether the line is decided.
        has_forked: Whether other lines have been tried, so that only the prompt is left in the slot.
    """

    def __init__(
        self, model: LoadedModel, request: CompletionRequest, candidate: Callable[[], Candidate],
        poll: Callable[[], FinishReason | None], has_time: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._model, self._request, self._candidate = model, request, candidate
        self._poll, self._has_time = poll, has_time
        self._parameters = model.settings.rerank or RerankParameters()
        self._is_blank = not request.prefix[request.prefix.rfind("\n") + 1 :].strip()
        least = self._parameters.least_share
        self._alternatives = Alternatives(math.log(least if request.n == 1 else min(least, SEVERAL_LEAST_SHARE)))
        self._lines: list[Line] = []
        self._kept = 0  # how many tokens of the first line the forks have left in the cache
        self.is_done = self.has_forked = False

    def add(self, scores: Tensor, id_: int, logprob: float) -> None:
        """Record what the answer could have had in the place of its next token, ``id_``."""
        self._alternatives.add(scores, id_, logprob)

    def is_complete(self, line: Line) -> bool:
        """Return whether the tokens of a line are complete, or too many."""
        candidate = line.candidate
        is_ended = candidate.finish is not None or line_end(line.text, is_blank=self._is_blank) is not None
        return is_ended or len(candidate.ids) >= MAX_LINE_TOKENS

    def best(self, slot: Slot, prompt: Prompt, first: Line) -> Steps[None, None, Line]:
        """Return the line that wins; yield after each step.

        Args:
            slot: Holds the prompt and the tokens of ``first``; where another line is tried, only the prompt is left.
            prompt: The prompt.
            first: The answer as the model wrote it.
        """
        self.is_done = True
        chosen = self._alternatives.best(self._parameters.alternatives) if self._is_fit(first) else []
        ways = len(chosen) + 1
        places = ways * (MAX_LINE_TOKENS + 2 * self._parameters.suffix_tokens)
        start = len(prompt.ids)
        if not chosen or not start or start + places > slot.cache.capacity or not self._has_time():
            return first
        del slot.ids[start:]
        self.has_forked = True
        lines = yield from self._continued(slot, start, first, chosen)
        lines = _distinct([first, *filter(self._is_fit, lines)], self._text)
        if len(lines) == 1:
            return first
        yield from self._compare(slot, prompt, lines)
        if self._poll() is not None:
            return first
        winner = max((line for line in lines if line.may_win), key=lambda line: line.score)
        winner.chunks = _with_evidence(winner, lines)
        self._lines = lines
        return winner

    def others(self, winner: Line) -> list[Line]:
        """Return the other lines that the request wants as candidates, each at its end, the likeliest first.

        The winner comes before them, and is what a single candidate would be.  No line has a higher mean
        log-probability than one before it, so that clients that order by it keep the order.
        """
        ranked = [line for line in sorted(self._lines, key=lambda line: -line.score) if line is not winner]
        most = _mean(winner.chunks)
        for line in ranked:
            line.chunks = _with_evidence(line, self._lines)
            if _mean(line.chunks) >= most:
                line.chunks = [replace(chunk, logprob_sum=(most - _STEP) * chunk.token_count) for chunk in line.chunks]
            most = _mean(line.chunks)
            line.chunks[-1] = replace(line.chunks[-1], finish_reason=FinishReason.STOP)
        return ranked[: self._request.n - 1]

    def explanation(self) -> list[dict[str, Any]]:
        """Return the lines that were compared, and by what."""
        return [
            {"text": self._text(line), "logprob": line.own_logprob, "suffix_logprob": line.suffix_logprob}
            for line in self._lines
        ]

    def _is_fit(self, line: Line) -> bool:
        """Return whether a line came to its end."""
        is_ended = line.candidate.finish is FinishReason.STOP
        return is_ended or (line.candidate.finish is None and line_end(line.text, is_blank=self._is_blank) is not None)

    def _text(self, line: Line) -> str:
        return line.text[: line_end(line.text, is_blank=self._is_blank)]

    def _continued(
        self, slot: Slot, start: int, first: Line, chosen: Sequence[Alternative]
    ) -> Steps[None, None, list[Line]]:
        """Return the lines with the tokens ``chosen`` instead, each continued with its likeliest tokens."""
        lines = [self._branch(first, alternative) for alternative in chosen]
        self._kept = column = min(alternative.place for alternative in chosen)
        start += column
        fork = Fork(start, len(lines))
        while self._poll() is None:
            fed = [line.candidate.ids[min(column, len(line.candidate.ids) - 1)] for line in lines]
            scores = self._model.scores(slot.cache, fed, start, fork)
            start, column = start + len(lines), column + 1
            for line, row in zip(lines, scores, strict=True):
                if len(line.candidate.ids) == column and not self.is_complete(line):
                    likely = line.candidate.scores(row).log_softmax(-1)
                    id_ = int(likely.argmax())
                    line.push(id_, float(likely[id_]))
            yield None
            if all(map(self.is_complete, lines)):
                break
        return lines

    def _branch(self, first: Line, alternative: Alternative) -> Line:
        may_win = alternative.text_logprob > math.log(self._parameters.least_share)
        line = Line(self._candidate(), may_win=may_win)
        for id_, chunk in zip(first.candidate.ids[: alternative.place], first.chunks, strict=False):
            line.push(id_, chunk.logprob_sum)
        line.push(alternative.id, alternative.logprob)
        return line

    def _compare(self, slot: Slot, prompt: Prompt, lines: Sequence[Line]) -> Steps[None, None, None]:
        """Compute the log-probability of the suffix after each line, for all lines at once; yield after each pass."""
        rows, starts = self._rows(prompt, lines)
        # What all have in common is in the cache, but the scores after its last token are needed again.
        first = lines[0].candidate.ids
        kept = min(self._kept, *starts, *(common_prefix(row, first) for row in rows))
        shared, last = len(prompt.ids) + kept - 1, (first[kept - 1] if kept else prompt.ids[-1])
        ways, width = len(rows), max(map(len, rows))
        columns = [[last] * ways, *([row[min(at, len(row) - 1)] for row in rows] for at in range(kept, width - 1))]
        del slot.ids[shared:]
        step = max(1, PASS_TOKENS // ways)
        for start in range(0, len(columns), step):
            if self._poll() is not None:
                return
            fed = flat(columns[start : start + step])
            scores = self._model.scores(slot.cache, fed, shared + start * ways, Fork(shared, ways))
            for place, row_scores in enumerate(scores, start * ways):
                at, number = kept + place // ways, place % ways
                if starts[number] <= at < len(rows[number]):
                    lines[number].suffix_logprob += _logprob(row_scores, rows[number][at])
            yield None
        for line in lines:
            line.own_logprob = line.logprob
            line.score = line.own_logprob + self._parameters.suffix_weight * line.suffix_logprob

    def _rows(self, prompt: Prompt, lines: Sequence[Line]) -> tuple[list[Sequence[int]], list[int]]:
        """Return the tokens of each line and the suffix after it, and where those of the suffix begin."""
        encode = self._model.tokenizer.encode_infilling
        rows: list[Sequence[int]] = []
        starts: list[int] = []
        for line in lines:
            written, after = parts(self._text(line), self._request.suffix or "", is_plain=_is_plain(prompt))
            whole = encode(prompt.spell + written + after)
            starts.append(common_prefix(encode(prompt.spell + written), whole))
            rows.append(whole[: starts[-1] + self._parameters.suffix_tokens])
        return rows, starts


def _is_plain(prompt: Prompt) -> bool:
    """Return whether the prompt has no infilling marks."""
    return prompt.layout is PromptLayout.LEFT_TO_RIGHT


def _logprob(scores: Tensor, id_: int) -> float:
    return float(scores[id_] - scores.logsumexp(-1))


def _distinct(lines: Sequence[Line], text: Callable[[Line], str]) -> list[Line]:
    """Return the first line of each text."""
    by_text: dict[str, Line] = {}
    for line in lines:
        by_text.setdefault(text(line).rstrip(), line)
    return list(by_text.values())


def _with_evidence(winner: Line, lines: Sequence[Line]) -> list[Chunk]:
    """Return the winner's chunks with the log-probabilities, all together, that it has once the suffix is known."""
    logprob = winner.logprob
    before = logprob - _log_sum([line.own_logprob for line in lines])
    after = winner.score - _log_sum([line.score for line in lines])
    scale = max(0.0, (logprob + after - before) / logprob) if logprob else 1.0
    return [replace(chunk, logprob_sum=chunk.logprob_sum * scale) for chunk in winner.chunks]


def _mean(chunks: Sequence[Chunk]) -> float:
    """Return the mean log-probability (nats) of the tokens of chunks."""
    return sum(chunk.logprob_sum for chunk in chunks) / max(1, sum(chunk.token_count for chunk in chunks))


def _log_sum(values: list[float]) -> float:
    return float(torch.tensor(values).logsumexp(0))
