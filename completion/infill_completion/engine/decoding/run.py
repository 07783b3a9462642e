"""One running request: prefill, decoding, drafts, candidates, totals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Generator as Steps
from dataclasses import replace
from typing import Any

from torch import Tensor

from infill_completion.api import Chunk, CompletionRequest, FinishReason, Usage
from infill_completion.engine.decoding.candidate import Candidate
from infill_completion.engine.decoding.distinct import DISTINCT_BELOW_TEMPERATURE, distinct
from infill_completion.engine.decoding.loaded_model import LoadedModel
from infill_completion.engine.decoding.prefill import InterruptedPrefillError, prefill
from infill_completion.engine.decoding.sampler import Sampler
from infill_completion.engine.decoding.stopwatch import Stopwatch
from infill_completion.engine.errors import ModelError, is_out_of_memory
from infill_completion.engine.model.cuda.choice import Token
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.kv_slots import Slot
from infill_completion.engine.ngram.index import NgramIndex


class Run:
    """One running request.

    Args:
        model: The model that answers it.
        request: The request.
        cancelled: Polled before each token and between chunks of the prefill.
    """

    def __init__(self, model: LoadedModel, request: CompletionRequest, cancelled: Callable[[], bool]) -> None:
        self._model, self._request, self._cancelled = model, request, cancelled
        self._decoder, self._tokenizer = model.forward_pass.decoder, model.tokenizer
        self._stopwatch = Stopwatch()
        self._cached = 0
        self._echoed = False
        self._slot: Slot | None = None
        self._end = 0  # number of cache places, and of positions, that a single candidate may fill
        self._sampler = Sampler(model.forward_pass, request, model.device_choice)
        self._candidates: list[Candidate] = []

    def steps(self) -> Iterator[Chunk | None]:
        """Run the request; see :meth:`infill_completion.engine.decoding.generator.Generator.steps`."""
        held: list[Chunk] = []  # the end of a candidate, held back because the last chunk of all carries the totals
        first = True
        try:
            for chunk in self._chunks_within_memory():
                if chunk is None:
                    yield None
                    continue
                yield from held
                is_end = chunk.finish_reason is not None
                held = [chunk] if is_end else []
                if not is_end and first and self._request.explain:
                    # A client that has its suggestion closes the stream, and would miss an explanation at the end.
                    yield self._with_totals(chunk)
                elif not is_end:
                    yield chunk
                first = False
            yield from map(self._with_totals, held)
        finally:
            self._capture_graphs()
            self._release()
            for candidate in reversed(self._candidates):  # the first is the likeliest, so it is added last
                self._model.recent_texts.add(self._request, candidate.raw)

    def _chunks_within_memory(self) -> Iterator[Chunk | None]:
        """Answer with as much context as the memory allows: when it runs out, continue with half of the context."""
        while True:
            try:
                slot = self._begin()
                yield from self._chunks(slot)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            else:
                return
            # Outside of the handler, because the traceback keeps tensors alive.
            self._release()
            if not self._model.shrink():
                raise ModelError(
                    f"{self._model.device} has no memory left for even a short prompt; close other programs or set "
                    "engine.model to a smaller one."
                )

    def _begin(self) -> Slot:
        """Lay out the prompt within the current budget, and acquire a slot for it."""
        model, request = self._model, self._request
        self._prompt = model.prompt(request)
        self._slot, self._cached = model.slots.acquire(self._prompt.ids)
        self._end = min(self._slot.cache.capacity, self._decoder.capacity)
        if not self._candidates:
            most = max(1, min(request.max_tokens, self._available_tokens()))
            self._candidates = [
                model.candidate(number, self._prompt.spell, replace(request, max_tokens=most), index)
                for number, index in enumerate(self._indexes())
            ]
            if rest := model.recent_texts.rest(request):
                self._candidates[0].resume(self._tokenizer.encode_infilling(self._prompt.spell + rest))
        return self._slot

    def _available_tokens(self) -> int:
        """Return how many tokens each candidate may have: all of them share the places after the prompt."""
        written, model = len(self._prompt.ids), self._model
        places = (model.slots.capacity - written) // max(1, self._request.n)
        return min(places, self._decoder.capacity - written) - len(self._prompt.spell.encode())

    def _indexes(self) -> Iterable[NgramIndex | None]:
        count, settings = max(1, self._request.n), self._model.settings
        if settings.cache is None and (count > 1 or not settings.draft_tokens):
            return [None] * count
        return [self._model.index(self._prompt) for _ in range(count)]

    def _capture_graphs(self) -> None:
        """Capture the CUDA graphs that this request needed first, unless a newer request is already waiting."""
        loop = self._model.device_loop
        if loop is not None and self._slot is not None and not self._cancelled():
            loop.settle(self._slot.cache, len(self._slot.ids))

    def _release(self) -> None:
        if self._slot is not None:
            self._model.slots.release(self._slot)
            self._slot = None

    def _chunks(self, slot: Slot) -> Iterator[Chunk | None]:
        if self._request.echo and not self._echoed:
            self._echoed = True
            for candidate in self._candidates:
                yield Chunk(candidate.number, self._request.prefix)
        is_single = len(self._candidates) == 1
        ids = [*self._prompt.ids, *(self._candidates[0].ids if is_single else [])]
        if len(ids) >= self._end:  # only where memory ran out long after the prompt
            yield from self._end_all(FinishReason.LENGTH)
            return
        try:
            logits = yield from self._prefill(slot, ids)
        except InterruptedPrefillError as interrupted:
            self._stopwatch.end_prefill()
            yield from self._end_all(interrupted.reason)
            return
        self._stopwatch.end_prefill()
        yield from self._decode_one(slot, logits) if is_single else self._decode_several(slot, logits)

    def _prefill(self, slot: Slot, ids: list[int]) -> Steps[None, None, Tensor]:
        """Compute the tokens of ``ids`` that the slot does not hold; yield after each chunk but the last."""
        loop, fresh = self._model.device_loop, ids[len(slot.ids) :]
        if loop is not None and len(fresh) <= loop.reach(slot.cache, len(slot.ids)) and self._poll() is None:
            logits = loop.score(slot.cache, fresh, len(slot.ids))[-1:]
            slot.ids += fresh
            return logits
        while True:
            end = min(len(slot.ids) + self._model.forward_pass.chunk_tokens, len(ids))
            logits = prefill(self._model.forward_pass, slot, ids[:end], self._poll)
            if end == len(ids):
                return logits
            yield None

    def _decode_one(self, slot: Slot, logits: Tensor) -> Iterator[Chunk]:
        """Decode the only candidate in the slot itself, several tokens per step where a draft is accepted.

        Each token is chosen from the model's scores after the token before it, so a draft only changes the speed.
        """
        (candidate,) = self._candidates
        policy = self._model.draft_policy()
        draft: list[int] = []
        offered: list[int] = []  # the draft, even if it was not checked
        rows: Sequence[Tensor | Token] = logits.unbind()
        while True:
            for row, scores in enumerate(rows):
                yield self._choose(candidate, scores, len(slot.ids) - 1 + row)
                self._stopwatch.count_token()
                if (reason := self._finish_reason(candidate, len(slot.ids) + row, self._end)) is not None:
                    slot.ids += draft[:row]
                    if candidate.finish is None:
                        yield candidate.end(reason)
                    return
                if draft[row : row + 1] != candidate.ids[-1:]:
                    break
            slot.ids += draft[:row]
            policy.learn(draft or offered[:1], row or int(offered[:1] == candidate.ids[-1:]))
            room = self._end - len(slot.ids) - 1
            offered = candidate.draft(min(policy.most, room))
            is_gain = policy.is_gain(offered)
            draft = offered if is_gain and not self._is_ahead(candidate, slot) else []
            fed = [candidate.ids[-1], *draft]
            rows = self._scores_after(candidate, slot, fed, ahead=not is_gain)
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
        if loop is not None and candidate.is_plain:
            if len(fed) == 1:
                return [loop.follow(self._sampler.sampling, cache, fed[0], place, ahead=ahead)]
            if len(fed) <= min(loop.width, loop.reach(cache, place)):
                return loop.check(self._sampler.sampling, cache, fed, place)
        return self._model.scores(cache, fed, place)

    def _decode_several(self, slot: Slot, logits: Tensor) -> Iterator[Chunk]:
        """Decode several candidates side by side, all after the one prompt in the slot."""
        start, count = len(self._prompt.ids), len(self._candidates)
        fork = Fork(start, count)
        scores: Sequence[Tensor] = logits.expand(count, -1).unbind()
        tokens: Sequence[Token | None] = [None] * count
        if written := max(len(candidate.ids) for candidate in self._candidates):
            if any(one.finish is None and len(one.ids) < written for one in self._candidates):
                yield from self._end_all(FinishReason.LENGTH)  # memory ran out between two choices of one step
                return
            rows = [[*one.ids, *one.ids[-1:] * (written - len(one.ids))] for one in self._candidates]
            fed = [ids[at] for at in range(written) for ids in rows]
            scores = self._model.scores(slot.cache, fed, start, fork)[-count:]
            start += len(fed)
        while True:
            position = len(self._prompt.ids) + (start - len(self._prompt.ids)) // count - 1
            for row, candidate in enumerate(self._candidates):
                if candidate.finish is None:
                    yield self._choose_distinct(candidate, scores[row], position, tokens[row])
            self._stopwatch.count_token()
            unfinished = [candidate for candidate in self._candidates if candidate.finish is None]
            if not unfinished:
                return
            if (reason := self._finish_reason(unfinished[0], start + count - 1, slot.cache.capacity)) is not None:
                yield from (candidate.end(reason) for candidate in unfinished)
                return
            is_plain = all(candidate.is_plain for candidate in unfinished)
            scores, tokens = self._model.forked(
                slot.cache, [one.ids[-1] for one in self._candidates], start, fork,
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
            chosen = distinct(candidate, self._candidates[: candidate.number], scores, *chosen)
        return candidate.push(*chosen)

    def _finish_reason(self, candidate: Candidate, length: int, capacity: int) -> FinishReason | None:
        """Return why decoding ends here: the candidate is done, the request cancelled or late, or the cache full."""
        if candidate.finish is not None:
            return candidate.finish
        return self._poll() or (FinishReason.LENGTH if length >= capacity else None)

    def _poll(self) -> FinishReason | None:
        if self._cancelled():
            return FinishReason.CANCELLED
        limit = self._request.deadline_ms
        return FinishReason.DEADLINE if limit is not None and self._stopwatch.elapsed_ms >= limit else None

    def _end_all(self, reason: FinishReason) -> Iterator[Chunk]:
        yield from (candidate.end(reason) for candidate in self._candidates if candidate.finish is None)

    def _with_totals(self, chunk: Chunk) -> Chunk:
        """Return a chunk with the request's totals so far."""
        tokens = sum(len(candidate.ids) for candidate in self._candidates)
        usage = Usage(len(self._prompt.ids), self._cached, tokens)
        explain = self._explanation() if self._request.explain else None
        return replace(chunk, usage=usage, timings=self._stopwatch.timings(tokens), explain=explain)

    def _explanation(self) -> dict[str, Any]:
        prompt = self._prompt
        return {
            "model": self._model.name,
            "layout": str(prompt.layout),
            "prompt_tokens": len(prompt.ids),
            "cached_tokens": self._cached,
            "tokens_by_source": prompt.tokens_by_source,
            "dropped_by_source": prompt.dropped_by_source,
            "respelled": prompt.spell,
            "prompt": self._tokenizer.describe(prompt.ids),
            "raw": [candidate.raw for candidate in self._candidates],
            "finish": [str(candidate.finish) for candidate in self._candidates],
            "cache_model": self._model.settings.cache is not None,
        }
