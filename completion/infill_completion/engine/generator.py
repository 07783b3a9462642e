"""A loaded model that answers completion requests: prompt, KV slots, loop, chunks.

Everything here runs on one thread, the one that loaded the model.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch
from torch import Tensor

from infill_completion.api import Chunk, CompletionRequest, FinishReason, Usage
from infill_completion.engine import checkpoint as checkpoints
from infill_completion.engine.cache_model import CacheParameters
from infill_completion.engine.checkpoint import Checkpoint, Progress
from infill_completion.engine.decoder import Decoder
from infill_completion.engine.errors import ModelError
from infill_completion.engine.healing import Speller
from infill_completion.engine.kv import KVCache, Slots
from infill_completion.engine.loop import InterruptedPrefillError, prefill
from infill_completion.engine.sampler import choose
from infill_completion.engine.sequence import Sequence
from infill_completion.ngram import NgramIndex
from infill_completion.prompt import Prompt, PromptLayout, PromptOptions, build_prompt
from infill_completion.settings import EngineSettings

__all__ = ["Generator", "ModelError"]

environment.prepare()

MAX_SLOTS = 4
ANSWER_TOKENS = 512  # room behind the prompt in every slot
MIN_CONTEXT_TOKENS = 64
MAX_INDEX_TOKENS = 50_000


class Generator:
    """One model, ready to answer.

    Attributes:
        name: The model's name as users see it.
        device: Where it runs.
        context_tokens: Most tokens of a prompt; shrinks when memory runs out.
        details: What ``GET /health`` and `infill-ls doctor` show about the model.
        settings: Layout, budget and cache of the model.
        tokenizer: Of the model.
    """

    def __init__(self, loaded: Checkpoint, context_tokens: int) -> None:
        self.name, self.device = loaded.name, str(loaded.device)
        self.settings, self.tokenizer = loaded.settings, loaded.tokenizer
        self._torch_device = loaded.device
        positions = int(loaded.model.config.max_position_embeddings)
        answer = min(ANSWER_TOKENS, positions // 4)
        self.context_tokens = min(context_tokens, self.settings.context_tokens or positions, positions - answer)
        capacity = self.context_tokens + answer
        self._model: Any = loaded.model
        self._decoder = Decoder(loaded.model, capacity, packed=loaded.packed)
        self._speller = Speller(self.tokenizer, self._decoder.device)
        self._slots = Slots(self._decoder.shape, capacity, self._slot_count(capacity))
        infilling = self.tokenizer.infilling
        ends = {self.tokenizer.eos, infilling.eot if infilling else None}
        self._stop_tokens = frozenset(id_ for id_ in ends if id_ is not None)
        parameters = sum(parameter.numel() for parameter in loaded.model.parameters())
        self.details: dict[str, Any] = {
            "model": self.name,
            "folder": str(loaded.folder),
            "device": self.device,
            "dtype": str(loaded.dtype).removeprefix("torch."),
            "quantization": loaded.quantization,
            "infilling": infilling is not None,
            "layout": str(self.settings.layout if infilling else PromptLayout.LEFT_TO_RIGHT),
            "context_tokens": self.context_tokens,
            "cache_model": self.settings.cache is not None,
            "weight_bytes": loaded.weight_bytes,
            "kv_bytes_per_token": self._decoder.shape.bytes_per_token,
            "threads": checkpoints.set_threads(loaded.device, parameters),
        }

    @classmethod
    def load(cls, settings: EngineSettings, progress: Progress) -> Generator:
        """Load the model that the settings name; ``progress`` gets a share from 0 to 1 and a few words.

        Raises:
            ModelError: One sentence with the next step.
        """
        generator = cls(checkpoints.load(settings, progress), settings.context_tokens)
        generator.warm_up()
        progress(1.0, "ready")
        return generator

    def warm_up(self) -> None:
        """Run one short request, so that the first real one does not pay for lazy initialisation."""
        request = CompletionRequest(prefix="def f():\n    return ", suffix="\n", max_tokens=2, temperature=0.0)
        for _ in self.stream(request, lambda: False):
            pass
        self._slots.clear()

    def close(self) -> None:
        """Free the weights and all caches."""
        self._slots.clear()
        del self._model, self._decoder
        gc.collect()
        if self._torch_device.type == "cuda":
            torch.cuda.empty_cache()

    def stream(self, request: CompletionRequest, cancelled: Callable[[], bool]) -> Iterator[Chunk]:
        """Answer a request, one chunk a token at least.

        ``cancelled`` and the deadline are looked at before each token and between chunks of the prefill.  Out of
        memory halves the context and starts again, unless text is out already.

        Yields:
            Chunks; the last of each candidate has a ``finish_reason``, the very last one ``usage``, ``timings`` and,
            if asked for, ``explain``.
        """
        while True:
            begun = False
            try:
                for chunk in _Answer(self, request, cancelled).chunks():
                    begun = True
                    yield chunk
            except torch.OutOfMemoryError:
                if begun or self.context_tokens // 2 < MIN_CONTEXT_TOKENS:
                    raise
                self._shrink()
            else:
                return

    def prompt(self, request: CompletionRequest) -> Prompt:
        """Return the prompt that a request gets."""
        settings = self.settings
        options = PromptOptions(
            layout=settings.layout, budget_tokens=self.context_tokens, suffix_share=settings.suffix_share,
            context_share=settings.context_share, heal=settings.heal,
        )  # fmt: skip
        return build_prompt(self.tokenizer, request.prefix, request.suffix, request.context, options)

    def sequence(self, number: int, spell: str, request: CompletionRequest, index: NgramIndex | None) -> Sequence:
        """Return a fresh candidate of a request."""
        return Sequence(
            number, self.tokenizer, self._speller, spell, request.stop, self._stop_tokens, request.max_tokens, index,
            self.settings.cache,
        )  # fmt: skip

    def with_settings(self, **changes: Any) -> Generator:
        """Return a generator over the same weights with other model settings, to compare them."""
        twin = object.__new__(Generator)
        twin.__dict__.update(self.__dict__)
        twin.settings = replace(self.settings, **changes)
        twin._slots = Slots(self._decoder.shape, self._slots.capacity, self._slots.count)
        return twin

    def _shrink(self) -> None:
        self._slots.clear()
        gc.collect()
        if self._torch_device.type == "cuda":
            torch.cuda.empty_cache()
        self.context_tokens //= 2
        self.details["context_tokens"] = self.context_tokens
        capacity = self.context_tokens + ANSWER_TOKENS
        self._slots = Slots(self._decoder.shape, min(capacity, self._slots.capacity), 1)

    def _slot_count(self, capacity: int) -> int:
        """Return how many prompts to remember: what fits in a quarter of the memory that is free now."""
        free = checkpoints.free_bytes(self._torch_device)
        if free is None:
            return 1
        return max(1, min(MAX_SLOTS, free // 4 // (self._decoder.shape.bytes_per_token * capacity)))


class _Answer:
    """One request on its way through the loop."""

    def __init__(self, owner: Generator, request: CompletionRequest, cancelled: Callable[[], bool]) -> None:
        self._owner, self._request, self._cancelled = owner, request, cancelled
        self._decoder, self._tokenizer = owner._decoder, owner.tokenizer
        self._started = self._prefilled = time.monotonic()
        self._first = 0.0
        self._prompt = owner.prompt(request)
        self._slot, self._cached = owner._slots.acquire(self._prompt.ids)
        room = owner._slots.capacity - len(self._prompt.ids) - len(self._prompt.spell.encode())
        self._max_tokens = max(1, min(request.max_tokens, room))
        self._random = torch.Generator(device=self._decoder.device)
        if request.seed is not None:
            self._random.manual_seed(request.seed)
        else:
            self._random.seed()
        self._sequences = [
            owner.sequence(number, self._prompt.spell, replace(request, max_tokens=self._max_tokens), index)
            for number, index in enumerate(self._indexes())
        ]

    @torch.inference_mode()
    def _choose(self, sequence: Sequence, logits: Tensor) -> Chunk:
        """Choose the next token of a candidate from the model's scores, ``(vocabulary,)``."""
        scores = sequence.scores(logits)
        id_, logprob = choose(scores, self._request.temperature, self._request.top_p, self._random)
        return sequence.push(int(id_), float(logprob))

    def chunks(self) -> Iterator[Chunk]:
        """Run the request; see :meth:`Generator.stream`."""
        held: list[Chunk] = []  # the end of a candidate may be the end of all, which carries the sums
        for chunk in self._all_chunks():
            yield from held
            held = [chunk] if chunk.finish_reason is not None else []
            if not held:
                yield chunk
        yield from self._closed(held)

    def _all_chunks(self) -> Iterator[Chunk]:
        if self._request.echo:
            for sequence in self._sequences:
                yield Chunk(sequence.number, self._request.prefix)
        try:
            logits = prefill(self._decoder, self._slot, self._prompt.ids, self._poll)
        except InterruptedPrefillError as interrupted:
            self._prefilled = time.monotonic()
            yield from self._ended(interrupted.reason)
            return
        self._prefilled = time.monotonic()
        if len(self._sequences) == 1:
            yield from self._decoded_alone(logits)
        else:
            yield from self._decoded_together(logits)

    def _decoded_alone(self, logits: Tensor) -> Iterator[Chunk]:
        """Decode the only candidate in the slot itself, several tokens a step where a draft turns out right.

        Each token is chosen from the model's scores behind the token before it, so a draft changes the time only.
        """
        (sequence,), slot = self._sequences, self._slot
        draft: list[int] = []
        while True:
            for row, scores in enumerate(logits):
                yield self._choose(sequence, scores)
                self._first = self._first or time.monotonic()
                if (reason := self._over(sequence, len(slot.ids) + row)) is not None:
                    slot.ids += draft[:row]
                    if sequence.finish is None:
                        yield sequence.end(reason)
                    return
                if draft[row : row + 1] != sequence.ids[-1:]:
                    break
            slot.ids += draft[:row]
            room = slot.cache.capacity - len(slot.ids) - 1
            draft = sequence.draft(min(self._owner.settings.draft_tokens, room))
            fed = [sequence.ids[-1], *draft]
            ids = torch.tensor([fed], device=self._decoder.device)
            logits = self._decoder.forward(ids, slot.cache, len(slot.ids), all_logits=True)[0]
            slot.ids.append(fed[0])

    def _decoded_together(self, logits: Tensor) -> Iterator[Chunk]:
        """Decode several candidates side by side from copies of the prompt's cache."""
        cache, start = self._cache(), len(self._prompt.ids)
        logits = logits.expand(len(self._sequences), -1)
        while True:
            for row, sequence in enumerate(self._sequences):
                if sequence.finish is None:
                    yield self._choose(sequence, logits[row])
            self._first = self._first or time.monotonic()
            running = [sequence for sequence in self._sequences if sequence.finish is None]
            reason = self._over(running[0], start) if running else None
            if not running or reason is not None:
                yield from (sequence.end(reason or FinishReason.STOP) for sequence in running)
                return
            ids = [sequence.ids[-1] for sequence in self._sequences]
            logits = self._decoder.forward(torch.tensor(ids, device=self._decoder.device)[:, None], cache, start)
            start += 1

    def _over(self, sequence: Sequence, length: int) -> FinishReason | None:
        """Return why decoding ends here: the candidate is done, the request withdrawn or late, or the cache full."""
        if sequence.finish is not None:
            return sequence.finish
        return self._poll() or (FinishReason.LENGTH if length >= self._slot.cache.capacity else None)

    def _cache(self) -> KVCache:
        """Return a cache that holds the prompt once for each candidate, with room for the answers."""
        count, length = len(self._sequences), len(self._prompt.ids)
        spare = len(self._prompt.spell.encode()) + self._max_tokens
        cache = KVCache(self._decoder.shape, min(self._slot.cache.capacity, length + spare), count)
        cache.copy_from(self._slot.cache, length)
        return cache

    def _indexes(self) -> Iterable[NgramIndex | None]:
        count, settings = max(1, self._request.n), self._owner.settings
        if settings.cache is None and (count > 1 or not settings.draft_tokens):
            return [None] * count
        index = ngram_index(self._prompt, settings.cache or CacheParameters(), self._tokenizer.infilling)
        return [index, *(index.fork() for _ in range(count - 1))]

    def _poll(self) -> FinishReason | None:
        if self._cancelled():
            return FinishReason.CANCELLED
        limit = self._request.deadline_ms
        late = limit is not None and (time.monotonic() - self._started) * 1000 >= limit
        return FinishReason.DEADLINE if late else None

    def _ended(self, reason: FinishReason) -> Iterator[Chunk]:
        yield from (sequence.end(reason) for sequence in self._sequences if sequence.finish is None)

    def _closed(self, last: list[Chunk]) -> Iterator[Chunk]:
        """Return the last chunk with the request's sums."""
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
            "model": self._owner.name,
            "layout": str(prompt.layout),
            "prompt_tokens": len(prompt.ids),
            "cached_tokens": self._cached,
            "tokens_by_source": prompt.tokens_by_source,
            "dropped_by_source": prompt.dropped_by_source,
            "respelled": prompt.spell,
            "prompt": self._tokenizer.describe(prompt.ids),
            "raw": [sequence.raw for sequence in self._sequences],
            "finish": [str(sequence.finish) for sequence in self._sequences],
            "cache_model": self._owner.settings.cache is not None,
        }


def ngram_index(prompt: Prompt, cache: CacheParameters, infilling: Any) -> NgramIndex:
    """Return the index over everything around the cursor, farthest text left out when there is very much."""
    texts, room = [], MAX_INDEX_TOKENS
    for text in reversed(prompt.before):
        texts.append(text[-room:] if room > 0 else ())
        room -= len(texts[-1])
    return NgramIndex(
        texts[::-1],
        prompt.after[:MAX_INDEX_TOKENS],
        end_token=infilling.eot if infilling else None,
        max_order=cache.max_order,
        half_life_tokens=cache.half_life_tokens,
        end_tokens=cache.end_tokens,
    )
