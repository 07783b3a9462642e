"""One request on its way through the loop: prefill, decode, drafts, candidates, sums."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Generator as Steps
from collections.abc import Sequence as Items
from dataclasses import replace
from typing import Any

from torch import Tensor

from infill_completion.api import Chunk, CompletionRequest, FinishReason, Usage
from infill_completion.engine.decoding.candidate import Sequence
from infill_completion.engine.decoding.distinct import DISTINCT_BELOW_TEMPERATURE, distinct
from infill_completion.engine.decoding.loaded_model import LoadedModel
from infill_completion.engine.decoding.prefill import InterruptedPrefillError, prefill
from infill_completion.engine.decoding.sampler import Sampler
from infill_completion.engine.errors import ModelError, is_out_of_memory
from infill_completion.engine.model.cuda.device_loop import Token
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.kv_cache import Slot
from infill_completion.engine.ngram.index import NgramIndex


class Answer:
    """One request on its way through the loop."""

    def __init__(self, model: LoadedModel, request: CompletionRequest, cancelled: Callable[[], bool]) -> None:
        self._model, self._request, self._cancelled = model, request, cancelled
        self._decoder, self._tokenizer = model.forward_pass.decoder, model.tokenizer
        self._started = self._prefilled = time.monotonic()
        self._first = 0.0
        self._cached = 0
        self._echoed = False
        self._slot: Slot | None = None
        self._end = 0  # of the places and positions that a single text may fill
        self._sampler = Sampler(model.forward_pass, request)
        self._sequences: list[Sequence] = []

    def steps(self) -> Iterator[Chunk | None]:
        """Run the request; see :meth:`Generator.steps`."""
        held: list[Chunk] = []  # the end of a candidate may be the end of all, which carries the sums
        first = True
        try:
            for chunk in self._with_memory():
                if chunk is None:
                    yield None
                    continue
                yield from held
                is_end = chunk.finish_reason is not None
                held = [chunk] if is_end else []
                if not is_end and first and self._request.explain:
                    # A client that has its suggestion leaves, and would miss an explanation at the end.
                    yield from self._closed([chunk])
                elif not is_end:
                    yield chunk
                first = False
            yield from self._closed(held)
        finally:
            self._settle()
            self._release()
            for sequence in reversed(self._sequences):  # the first is the likeliest, so it is remembered last
                self._model.recent.note(self._request, sequence.raw)

    def _with_memory(self) -> Iterator[Chunk | None]:
        """Answer with as much context as the memory allows: where it runs out, go on from here with half of it."""
        while True:
            try:
                slot = self._begin()
                yield from self._all_chunks(slot)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            else:
                return
            # Outside of the handler, whose traceback still holds tensors.
            self._release()
            if not self._model.shrink():
                raise ModelError(
                    f"{self._model.device} has no memory left for even a short prompt; close other programs or set "
                    "engine.model to a smaller one."
                )

    def _begin(self) -> Slot:
        """Lay out the prompt in the room of now, and take a slot for it."""
        model, request = self._model, self._request
        self._prompt = model.prompt(request)
        self._slot, self._cached = model.slots.acquire(self._prompt.ids)
        self._end = min(self._slot.cache.capacity, self._decoder.capacity)
        if not self._sequences:
            most = max(1, min(request.max_tokens, self._room()))
            self._sequences = [
                model.candidate(number, self._prompt.spell, replace(request, max_tokens=most), index)
                for number, index in enumerate(self._indexes())
            ]
            if rest := model.recent.rest(request):
                self._sequences[0].resume(self._tokenizer.encode_infilling(self._prompt.spell + rest))
        return self._slot

    def _room(self) -> int:
        """Return how many tokens each candidate may have: all of them share the places behind the prompt."""
        written, model = len(self._prompt.ids), self._model
        places = (model.slots.capacity - written) // max(1, self._request.n)
        return min(places, self._decoder.capacity - written) - len(self._prompt.spell.encode())

    def _settle(self) -> None:
        """Capture the steps that this answer was the first to need, unless somebody waits for the next one."""
        loop = self._model.device_loop
        if loop is not None and self._slot is not None and not self._cancelled():
            loop.settle(self._slot.cache, len(self._slot.ids))

    def _release(self) -> None:
        if self._slot is not None:
            self._model.slots.release(self._slot)
            self._slot = None

    def _choose(self, sequence: Sequence, logits: Tensor | Token) -> Chunk:
        """Choose the next token of a candidate from the model's scores, ``(vocabulary,)``, unless the device did."""
        if isinstance(logits, Token):
            return sequence.push(*logits)
        scores = sequence.scores(logits)
        chosen = self._sampler.choose(scores)
        if self._request.temperature < DISTINCT_BELOW_TEMPERATURE:
            chosen = distinct(sequence, self._sequences[: sequence.number], scores, *chosen)
        return sequence.push(*chosen)

    def _all_chunks(self, slot: Slot) -> Iterator[Chunk | None]:
        if self._request.echo and not self._echoed:
            self._echoed = True
            for sequence in self._sequences:
                yield Chunk(sequence.number, self._request.prefix)
        alone = len(self._sequences) == 1
        ids = [*self._prompt.ids, *(self._sequences[0].ids if alone else [])]
        if len(ids) >= self._end:  # only where memory ran out far behind the prompt
            yield from self._ended(FinishReason.LENGTH)
            return
        try:
            logits = yield from self._prefill(slot, ids)
        except InterruptedPrefillError as interrupted:
            self._prefilled = time.monotonic()
            yield from self._ended(interrupted.reason)
            return
        if not self._first:
            self._prefilled = time.monotonic()
        yield from self._decoded_alone(slot, logits) if alone else self._decoded_together(slot, logits)

    def _prefill(self, slot: Slot, ids: list[int]) -> Steps[None, None, Tensor]:
        """Compute what the slot does not hold of ``ids``, with a pause behind each part but the last."""
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

    def _decoded_alone(self, slot: Slot, logits: Tensor) -> Iterator[Chunk]:
        """Decode the only candidate in the slot itself, several tokens a step where a draft turns out right.

        Each token is chosen from the model's scores behind the token before it, so a draft changes the time only.
        """
        (sequence,) = self._sequences
        draft: list[int] = []
        rows: Items[Tensor | Token] = logits.unbind()
        while True:
            for row, scores in enumerate(rows):
                yield self._choose(sequence, scores)
                self._first = self._first or time.monotonic()
                if (reason := self._over(sequence, len(slot.ids) + row, self._end)) is not None:
                    slot.ids += draft[:row]
                    if sequence.finish is None:
                        yield sequence.end(reason)
                    return
                if draft[row : row + 1] != sequence.ids[-1:]:
                    break
            slot.ids += draft[:row]
            room = self._end - len(slot.ids) - 1
            draft = sequence.draft(min(self._model.settings.draft_tokens, room))
            fed = [sequence.ids[-1], *draft]
            rows = self._behind(sequence, slot, fed)
            slot.ids.append(fed[0])

    def _behind(self, sequence: Sequence, slot: Slot, fed: list[int]) -> Items[Tensor | Token]:
        """Return the model's scores behind each of the tokens fed, or its choice where the device can make it."""
        loop, cache, place = self._model.device_loop, slot.cache, len(slot.ids)
        if loop is not None and sequence.is_plain:
            if len(fed) == 1:
                return [loop.follow(self._sampler.sampling, cache, fed[0], place)]
            if len(fed) <= min(loop.width, loop.reach(cache, place)):
                return loop.check(self._sampler.sampling, cache, fed, place)
        return self._model.scores(cache, fed, place)

    def _decoded_together(self, slot: Slot, logits: Tensor) -> Iterator[Chunk]:
        """Decode several candidates side by side, all behind the one prompt in the slot."""
        start, count = len(self._prompt.ids), len(self._sequences)
        fork = Fork(start, count)
        scores: Items[Tensor] = logits.expand(count, -1).unbind()
        if written := max(len(sequence.ids) for sequence in self._sequences):
            if any(s.finish is None and len(s.ids) < written for s in self._sequences):
                yield from self._ended(FinishReason.LENGTH)  # memory ran out between two choices of one step
                return
            rows = [[*s.ids, *s.ids[-1:] * (written - len(s.ids))] for s in self._sequences]
            fed = [ids[at] for at in range(written) for ids in rows]
            scores = self._model.scores(slot.cache, fed, start, fork)[-count:]
            start += len(fed)
        while True:
            for row, sequence in enumerate(self._sequences):
                if sequence.finish is None:
                    yield self._choose(sequence, scores[row])
            self._first = self._first or time.monotonic()
            running = [sequence for sequence in self._sequences if sequence.finish is None]
            reason = self._over(running[0], start + count - 1, slot.cache.capacity) if running else None
            if not running or reason is not None:
                yield from (sequence.end(reason or FinishReason.STOP) for sequence in running)
                return
            scores = self._model.scores(slot.cache, [sequence.ids[-1] for sequence in self._sequences], start, fork)
            start += count

    def _over(self, sequence: Sequence, length: int, capacity: int) -> FinishReason | None:
        """Return why decoding ends here: the candidate is done, the request withdrawn or late, or the cache full."""
        if sequence.finish is not None:
            return sequence.finish
        return self._poll() or (FinishReason.LENGTH if length >= capacity else None)

    def _indexes(self) -> Iterable[NgramIndex | None]:
        count, settings = max(1, self._request.n), self._model.settings
        if settings.cache is None and (count > 1 or not settings.draft_tokens):
            return [None] * count
        return [self._model.index(self._prompt) for _ in range(count)]

    def _poll(self) -> FinishReason | None:
        if self._cancelled():
            return FinishReason.CANCELLED
        limit = self._request.deadline_ms
        late = limit is not None and (time.monotonic() - self._started) * 1000 >= limit
        return FinishReason.DEADLINE if late else None

    def _ended(self, reason: FinishReason) -> Iterator[Chunk]:
        yield from (sequence.end(reason) for sequence in self._sequences if sequence.finish is None)

    def _closed(self, last: list[Chunk]) -> Iterator[Chunk]:
        """Return the last chunk with the request's sums so far."""
        ended = time.monotonic()
        tokens = sum(len(sequence.ids) for sequence in self._sequences)
        decode_s = ended - self._prefilled
        usage = Usage(len(self._prompt.ids), self._cached, tokens)
        timings = {
            "prefill_ms": (self._prefilled - self._started) * 1000,
            "decode_ms": decode_s * 1000,
            "ttft_ms": ((self._first or ended) - self._started) * 1000,
            "tokens_per_s": tokens / decode_s if decode_s > 0 else 0.0,
        }
        explain = self._explained() if self._request.explain else None
        for chunk in last:
            yield replace(chunk, usage=usage, timings=timings, explain=explain)

    def _explained(self) -> dict[str, Any]:
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
            "raw": [sequence.raw for sequence in self._sequences],
            "finish": [str(sequence.finish) for sequence in self._sequences],
            "cache_model": self._model.settings.cache is not None,
        }
