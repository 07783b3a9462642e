"""Decoding after the prompt: one candidate with drafts, or several side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from torch import Tensor

from infill_completion.api import Chunk, CompletionRequest, FinishReason
from infill_completion.engine.decoding.candidate import Candidate
from infill_completion.engine.decoding.distinct import DISTINCT_BELOW_TEMPERATURE, distinct
from infill_completion.engine.decoding.loaded_model import LoadedModel
from infill_completion.engine.decoding.reranker import Reranker
from infill_completion.engine.decoding.sampler import Sampler
from infill_completion.engine.decoding.stopwatch import Stopwatch
from infill_completion.engine.model.cuda.choice import Token
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.kv_slots import Slot

Poll = Callable[[], FinishReason | None]


class DecodeLoop:
    """Decodes the candidates of one request, all after the one prompt in a slot.

    Args:
        model: The model that answers.
        request: The request.
        candidates: What is decoded; the list may get another candidate in the place of the only one.
        stopwatch: Is told when tokens are chosen.
        poll: Polled before each token; returns why decoding must end, or None.

    Attributes:
        candidates: As given.
        prompt_tokens: Length of the prompt.
        end: Number of cache places, and of positions, that a single candidate may fill.
        reranker: Is told what an answer could have had instead of its tokens, if anything is.
    """

    def __init__(
        self, model: LoadedModel, request: CompletionRequest, candidates: list[Candidate], stopwatch: Stopwatch,
        poll: Poll,
    ) -> None:  # fmt: skip
        self._model, self._request, self._stopwatch, self._poll = model, request, stopwatch, poll
        self._sampler = Sampler(model.forward_pass, request, model.device_choice)
        self.candidates = candidates
        self.prompt_tokens = self.end = 0
        self.reranker: Reranker | None = None

    def single(self, slot: Slot, logits: Tensor) -> Iterator[Chunk]:
        """Decode the only candidate in the slot itself, several tokens per step where a draft is accepted.

        Each token is chosen from the model's scores after the token before it, so a draft only changes the speed.
        """
        (candidate,) = self.candidates
        policy = self._model.draft_policy(self._request)
        draft: list[int] = []
        offered: list[int] = []  # the draft, even if it was not checked
        rows: Sequence[Tensor | Token] = logits.unbind()
        while True:
            for row, scores in enumerate(rows):
                yield self._choose(candidate, scores, len(slot.ids) - 1 + row)
                self._stopwatch.count_token()
                if (reason := self.finish_reason(candidate, len(slot.ids) + row, self.end)) is not None:
                    slot.ids += draft[:row]
                    if candidate.finish is None:
                        yield candidate.end(reason)
                    return
                if draft[row : row + 1] != candidate.ids[-1:]:
                    break
            slot.ids += draft[:row]
            policy.learn(draft or offered[:1], row or int(offered[:1] == candidate.ids[-1:]))
            room = self.end - len(slot.ids) - 1
            offered = candidate.draft(min(policy.most, room))
            draft = worth = policy.worth(offered)
            if worth and self._is_ahead(candidate, slot):
                draft = []
            fed = [candidate.ids[-1], *draft]
            rows = self._scores_after(candidate, slot, fed, ahead=not worth)
            self._stopwatch.steps += 1
            slot.ids.append(fed[0])

    def _is_ahead(self, candidate: Candidate, slot: Slot) -> bool:
        """Return whether the device is computing the next token already: a draft would only be checked after it."""
        loop, sampling = self._model.device_loop, self._sampler.sampling
        return loop is not None and loop.is_ahead(sampling, slot.cache, candidate.ids[-1], len(slot.ids))

    def _scores_after(
        self, candidate: Candidate, slot: Slot, fed: list[int], *, ahead: bool
    ) -> Sequence[Tensor | Token]:
        """Return the scores after each token fed, or the chosen token where the device can; it may go on ``ahead``."""
        loop, cache, place = self._model.device_loop, slot.cache, len(slot.ids)
        if loop is not None and candidate.is_plain and not self._is_deciding:
            if len(fed) == 1:
                return [loop.follow(self._sampler.sampling, cache, fed[0], place, ahead=ahead)]
            if len(fed) <= min(loop.width, loop.reach(cache, place)):
                return loop.check(self._sampler.sampling, cache, fed, place)
        return self._model.scores(cache, fed, place)

    def several(self, slot: Slot, logits: Tensor) -> Iterator[Chunk]:
        """Decode several candidates side by side, all after the one prompt in the slot."""
        start, count = self.prompt_tokens, len(self.candidates)
        fork = Fork(start, count)
        scores: Sequence[Tensor] = logits.expand(count, -1).unbind()
        tokens: Sequence[Token | None] = [None] * count
        if written := max(len(candidate.ids) for candidate in self.candidates):
            if any(one.finish is None and len(one.ids) < written for one in self.candidates):
                yield from self.end_all(FinishReason.LENGTH)  # memory ran out between two choices of one step
                return
            rows = [[*one.ids, *one.ids[-1:] * (written - len(one.ids))] for one in self.candidates]
            fed = [ids[at] for at in range(written) for ids in rows]
            scores = self._model.scores(slot.cache, fed, start, fork)[-count:]
            start += len(fed)
        while True:
            position = self.prompt_tokens + (start - self.prompt_tokens) // count - 1
            for row, candidate in enumerate(self.candidates):
                if candidate.finish is None:
                    yield self._choose_distinct(candidate, scores[row], position, tokens[row])
            self._stopwatch.count_token()
            unfinished = [candidate for candidate in self.candidates if candidate.finish is None]
            if not unfinished:
                return
            if (reason := self.finish_reason(unfinished[0], start + count - 1, slot.cache.capacity)) is not None:
                yield from (candidate.end(reason) for candidate in unfinished)
                return
            is_plain = all(candidate.is_plain for candidate in unfinished)
            scores, tokens = self._model.forked(
                slot.cache, [one.ids[-1] for one in self.candidates], start, fork,
                self._sampler.sampling if is_plain else None,
            )  # fmt: skip
            start += count

    def _choose(self, candidate: Candidate, scores: Tensor | Token, position: int) -> Chunk:
        """Choose the token after ``position`` from the model's scores, ``(vocabulary,)``, unless the device has."""
        if isinstance(scores, Token):
            return candidate.push(*scores)
        return self._choose_distinct(candidate, scores, position, None)

    def _choose_distinct(self, candidate: Candidate, scores: Tensor, position: int, token: Token | None) -> Chunk:
        """Choose as :meth:`_choose` does, but unlike the candidates before; ``token`` is what the device chose."""
        scores = candidate.scores(scores)
        chosen = token or self._sampler.choose(scores, position, candidate.number)
        if self._request.temperature < DISTINCT_BELOW_TEMPERATURE:
            chosen = distinct(candidate, self.candidates[: candidate.number], scores, *chosen)
        if self._is_deciding and self.reranker is not None:
            self.reranker.add(scores, *chosen)
        most = self._request.next_characters if candidate.number == 0 else 0
        if not most or candidate.only_spells(chosen[0]):
            return candidate.push(*chosen)
        characters, others = candidate.next_characters(scores, most), candidate.alternatives(scores, *chosen)
        return replace(candidate.push(*chosen), next_characters=characters, alternatives=others)

    @property
    def _is_deciding(self) -> bool:
        """Whether the scores are needed to find other first lines."""
        return self.reranker is not None and not self.reranker.is_done

    def finish_reason(self, candidate: Candidate, length: int, capacity: int) -> FinishReason | None:
        """Return why decoding ends here: the candidate is done, the request cancelled or late, or the cache full."""
        if candidate.finish is not None:
            return candidate.finish
        return self._poll() or (FinishReason.LENGTH if length >= capacity else None)

    def end_all(self, reason: FinishReason) -> Iterator[Chunk]:
        """End every candidate that has not ended."""
        yield from (candidate.end(reason) for candidate in self.candidates if candidate.finish is None)
