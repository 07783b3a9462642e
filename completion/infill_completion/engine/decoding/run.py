"""One running request: prefill, decoding, drafts, candidates, totals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Generator as Steps
from dataclasses import replace

from torch import Tensor

from infill_completion.api import Chunk, CompletionRequest, FinishReason, Usage
from infill_completion.engine.decoding.candidate import Candidate
from infill_completion.engine.decoding.decode_loop import DecodeLoop
from infill_completion.engine.decoding.explanation import explanation
from infill_completion.engine.decoding.loaded_model import LoadedModel
from infill_completion.engine.decoding.prefill import InterruptedPrefillError, prefill
from infill_completion.engine.decoding.reranker import Line, Reranker, is_wanted
from infill_completion.engine.decoding.rewriting import old_text, stops_of
from infill_completion.engine.decoding.stopwatch import Stopwatch
from infill_completion.engine.decoding.suffix import suffix_stops
from infill_completion.engine.errors import ModelError, is_out_of_memory
from infill_completion.engine.model.kv_slots import Slot
from infill_completion.engine.ngram.nested_counts import NestedCounts
from infill_completion.prompt.formats import PromptLayout


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
        # An update in the middle of an answer must not change what follows.
        self._texts = model.texts.index(request.workspace) if request.workspace else None
        self._stopwatch = Stopwatch()
        self._cached = 0
        self._echoed = False
        self._slot: Slot | None = None
        self._candidates: list[Candidate] = []
        self._loop = DecodeLoop(model, request, self._candidates, self._stopwatch, self._poll)
        self._held: list[Chunk] = []  # the first line, until it is decided
        self._others: list[Candidate] = []  # the other lines, which have ended

    def steps(self) -> Iterator[Chunk | None]:
        """Run the request; see :meth:`infill_completion.engine.decoding.generator.Generator.steps`."""
        held: list[Chunk] = []  # the end of a candidate, held back because the last chunk of all carries the totals
        ended: set[int] = set()
        first = True
        try:
            for chunk in self._chunks_within_memory():
                if chunk is None:
                    yield None
                    continue
                yield from held
                is_end = chunk.finish_reason is not None
                held = [chunk] if is_end else []
                ended |= {chunk.index} if is_end else set()
                if not is_end and first and self._request.explain:
                    # A client that has its suggestion closes the stream, and would miss an explanation at the end.
                    yield self._with_totals(chunk)
                elif not is_end:
                    yield chunk
                first = False
            *others, last = [*held, *self._empty(ended, held[0].finish_reason if held else None)]
            yield from others
            yield self._with_totals(last)
        finally:
            self._capture_graphs()
            self._release()
            # The first is the likeliest, so it is added last; lines that were rewritten have no place at a cursor.
            for candidate in reversed([*self._candidates, *self._others]) if self._request.rewrite is None else ():
                self._model.recent_texts.add(self._request, candidate.raw)

    def _empty(self, ended: set[int], reason: FinishReason | None) -> list[Chunk]:
        """Return the ends of the candidates for which no line was likely enough, given how the last one ended."""
        is_cut = reason in {FinishReason.CANCELLED, FinishReason.DEADLINE}
        missing = (number for number in range(self._request.n) if number not in ended)
        return [Chunk(number, finish_reason=reason if is_cut else FinishReason.STOP) for number in missing]

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
        self._loop.prompt_tokens = len(self._prompt.ids)
        self._loop.end = min(self._slot.cache.capacity, self._decoder.capacity)
        if not self._candidates:
            self._request = request = self._within(request)
            self._loop.reranker = self._new_reranker()
            count = max(1, request.n) if self._loop.reranker is None else 1
            self._candidates += [
                model.candidate(number, self._prompt.spell, request, self._counts(drafts=count == 1))
                for number in range(count)
            ]
            if request.rewrite is not None:
                self._candidates[0].old_text = old_text(self._tokenizer, request.rewrite)
            elif rest := model.recent_texts.rest(request):
                self._candidates[0].resume(self._tokenizer.encode_infilling(self._prompt.spell + rest))
        return self._slot

    def _within(self, request: CompletionRequest) -> CompletionRequest:
        """Return a request with as many tokens as there is room for, which ends where the suffix begins."""
        is_plain = self._prompt.layout is PromptLayout.LEFT_TO_RIGHT
        stop = (*request.stop, *(suffix_stops(request.suffix) if is_plain else ()))
        if request.rewrite is not None:
            stop = (*stop, *stops_of(self._tokenizer, request.rewrite))
        # A model that does not infill may write something before its answer.
        ends_with_line = request.ends_with_line and not is_plain
        most = max(1, min(request.max_tokens, self._available_tokens()))
        return replace(request, max_tokens=most, stop=stop, ends_with_line=ends_with_line)

    def _new_reranker(self) -> Reranker | None:
        """Return what may choose another first line, or None where there is nothing to choose by."""
        if not is_wanted(self._model, self._request, self._prompt):
            return None
        return Reranker(self._model, self._request, self._alternative, self._poll, self._has_time)

    def _alternative(self) -> Candidate:
        """Return a fresh candidate that may replace the only one."""
        return self._model.candidate(0, self._prompt.spell, self._request, self._counts(drafts=False))

    def _available_tokens(self) -> int:
        """Return how many tokens each candidate may have: all of them share the places after the prompt."""
        written, model = len(self._prompt.ids), self._model
        places = (model.slots.capacity - written) // max(1, self._request.n)
        return min(places, self._decoder.capacity - written) - len(self._prompt.spell.encode())

    def _counts(self, *, drafts: bool) -> NestedCounts | None:
        return self._model.counts(self._prompt, self._request, self._texts, drafts=drafts)

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
            for number in range(self._request.n):
                yield Chunk(number, self._request.prefix)
        is_single = len(self._candidates) == 1
        ids = [*self._prompt.ids, *(self._candidates[0].ids if is_single else [])]
        if len(ids) >= self._loop.end:  # only where memory ran out long after the prompt
            yield from self._loop.end_all(FinishReason.LENGTH)
            return
        try:
            logits = yield from self._prefill(slot, ids)
        except InterruptedPrefillError as interrupted:
            self._stopwatch.end_prefill()
            yield from self._loop.end_all(interrupted.reason)
            return
        self._stopwatch.end_prefill()
        if self._loop.reranker is not None:
            yield from self._decode_ranked(slot, logits, self._loop.reranker)
        else:
            yield from self._loop.single(slot, logits) if is_single else self._loop.several(slot, logits)

    def _prefill(self, slot: Slot, ids: list[int]) -> Steps[None, None, Tensor]:
        """Compute the tokens of ``ids`` that the slot does not hold; yield after each chunk but the last."""
        loop, fresh = self._model.device_loop, ids[len(slot.ids) :]
        if loop is not None and len(fresh) <= loop.reach(slot.cache, len(slot.ids)) and self._poll() is None:
            logits = loop.score(slot.cache, fresh, len(slot.ids))[-1:]
            slot.ids += fresh
            return logits
        while True:
            end = min(len(slot.ids) + self._model.forward_pass.chunk_tokens, len(ids))
            is_last = end == len(ids)
            logits = prefill(self._model.forward_pass, slot, ids[:end], self._poll, needs_logits=is_last)
            if is_last:
                return logits
            yield None

    def _decode_ranked(self, slot: Slot, logits: Tensor, reranker: Reranker) -> Iterator[Chunk | None]:
        """Decode the first candidate, and show nothing before the suffix has confirmed or replaced its first line.

        The other candidates are the next likeliest lines.
        """
        (candidate,) = self._candidates
        chunks: Iterator[Chunk | None] = self._loop.single(slot, logits)
        first = Line(candidate, self._held)
        if not candidate.ids:  # else memory ran out, and the line is shown as it is
            for chunk in filter(None, chunks):
                first.chunks.append(chunk)
                if reranker.is_complete(first):
                    break
                yield None
            winner = yield from reranker.best(slot, self._prompt, first)
            self._candidates[:] = [winner.candidate]
            self._held = list(winner.chunks)
            others = reranker.others(winner)
            self._others = [line.candidate for line in others]
            for number, line in enumerate(others, 1):
                self._held += (replace(chunk, index=number) for chunk in line.chunks)
            if reranker.has_forked and winner.candidate.finish is None:
                chunks = self._decode_on(slot)  # the forks have overwritten what followed the prompt
        while self._held:
            yield self._held.pop(0)
        if self._candidates[0].finish is None:
            yield from chunks

    def _decode_on(self, slot: Slot) -> Iterator[Chunk | None]:
        """Continue the only candidate, whose tokens the slot does not hold."""
        (candidate,) = self._candidates
        ids = [*self._prompt.ids, *candidate.ids]
        if (reason := self._loop.finish_reason(candidate, len(ids), self._loop.end)) is not None:
            yield candidate.end(reason)
            return
        try:
            logits = yield from self._prefill(slot, ids)
        except InterruptedPrefillError as interrupted:
            yield candidate.end(interrupted.reason)
            return
        yield from self._loop.single(slot, logits)

    def _poll(self) -> FinishReason | None:
        if self._cancelled():
            return FinishReason.CANCELLED
        limit = self._request.deadline_ms
        return FinishReason.DEADLINE if limit is not None and self._stopwatch.elapsed_ms >= limit else None

    def _has_time(self) -> bool:
        """Return whether there is as much time left as decoding has taken so far."""
        limit, watch = self._request.deadline_ms, self._stopwatch
        return self._poll() is None and (limit is None or watch.elapsed_ms + watch.decode_ms <= limit)

    def _with_totals(self, chunk: Chunk) -> Chunk:
        """Return a chunk with the request's totals so far."""
        candidates = [*self._candidates, *self._others]
        tokens = sum(len(candidate.ids) for candidate in candidates)
        usage = Usage(len(self._prompt.ids), self._cached, tokens)
        explain = None
        if self._request.explain:
            explain = explanation(
                self._model, self._prompt, self._cached, candidates, self._loop.reranker, self._texts,
                self._stopwatch.steps,
            )  # fmt: skip
        return replace(chunk, usage=usage, timings=self._stopwatch.timings(tokens), explain=explain)
