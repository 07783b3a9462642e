"""A loaded model that answers completion requests: prompt, KV slots, loop, chunks.

Everything here runs on one thread, the one that loaded the model.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Iterator
from collections.abc import Generator as Steps
from collections.abc import Sequence as Items
from dataclasses import replace
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch
from torch import Tensor

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.engine.checkpoints import devices
from infill_completion.engine.checkpoints.checkpoint import Checkpoint, Progress
from infill_completion.engine.checkpoints.checkpoint import load as load_checkpoint
from infill_completion.engine.decoding.candidate import Sequence
from infill_completion.engine.decoding.healing import Speller
from infill_completion.engine.decoding.recent import Recent
from infill_completion.engine.decoding.run import Answer
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model import fused_ops
from infill_completion.engine.model.cuda.device_loop import DeviceLoop
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.kv_cache import KVCache, Slots
from infill_completion.engine.model.parallel_prefill import Relay
from infill_completion.engine.ngram.index import NgramIndex
from infill_completion.engine.ngram.index_keeper import IndexKeeper
from infill_completion.engine.ngram.mixture import CacheParameters
from infill_completion.prompt.tokens import Prompt, PromptKeeper, PromptLayout, PromptOptions
from infill_completion.settings import EngineSettings

__all__ = ["Generator", "ModelError"]

environment.prepare()
log = logging.getLogger(__name__)

MAX_SLOTS = 8
_SUPPOSED_FREE_BYTES = 1 << 30  # where nobody can tell
ANSWER_TOKENS = 512  # room behind the prompt in every slot, which all candidates share
MIN_CONTEXT_TOKENS = 64


class Generator:
    """One model, ready to answer.

    Attributes:
        name: The model's name as users see it.
        device: Where it runs.
        context_tokens: Most tokens of a prompt; shrinks when memory runs out.
        details: What ``GET /health`` and `infill-ls doctor` show about the model.
        settings: Layout, budget and cache of the model.
        tokenizer: Of the model.
        model: The transformers model.
        decoder: The forward pass over its weights.
        relay: Reads prompts with it.
        slots: The KV caches of the last prompts.
        device_loop: Chooses tokens on a CUDA device, where no index has a say in them; None elsewhere.
        recent: What was written lately; a request that agrees with it is drafted from it.
        stop_tokens: Ids that an answer ends before; a measurement empties them in a twin of its own.
    """

    def __init__(self, loaded: Checkpoint, context_tokens: int) -> None:
        self.name, self.device = loaded.name, str(loaded.device)
        self.settings, self.tokenizer = loaded.settings, loaded.tokenizer
        self._torch_device = loaded.device
        positions = int(loaded.model.config.max_position_embeddings)
        answer = min(ANSWER_TOKENS, positions // 4)
        self.context_tokens = min(context_tokens, self.settings.context_tokens or positions, positions - answer)
        self.model: Any = loaded.model
        parameters = sum(parameter.numel() for parameter in loaded.model.parameters())
        threads = devices.set_threads(loaded.device, parameters)  # first, for the decoder looks at it
        fused = loaded.device.type == "cuda" and os.environ.get(fused_ops.SWITCH) == "1"
        self.decoder = Decoder(
            loaded.model, self.context_tokens + answer, packed=loaded.packed, tokens=self.tokenizer.vocab_size,
            join_quantised=fused,
        )  # fmt: skip
        capacity = self._room_for(self.context_tokens + ANSWER_TOKENS)
        # Where memory is short, only what a single candidate needs is kept free behind the prompt.
        self.context_tokens = min(self.context_tokens, max(MIN_CONTEXT_TOKENS, capacity - answer))
        self._speller = Speller(self.tokenizer, self.decoder.device)
        self.slots = Slots(self.decoder.shape, capacity, self._slot_count(capacity))
        self.relay = Relay(self.decoder, devices.prefill_threads(loaded.device, threads))
        self.device_loop: DeviceLoop | None = None
        if loaded.device.type == "cuda":
            pieces = fused_ops.compiled(loaded.device, self.decoder.dtype) if fused else fused_ops.PLAIN
            self.device_loop = DeviceLoop(self.decoder, self.settings.draft_tokens, pieces)
        self.recent = Recent()
        self._keeper = PromptKeeper()
        self._indexes = IndexKeeper()
        infilling = self.tokenizer.infilling
        ends = () if self.tokenizer.eos is None else (self.tokenizer.eos,)
        self.stop_tokens = frozenset(ends) | (infilling.stops if infilling else frozenset())
        layout = self.settings.layout if infilling else PromptLayout.LEFT_TO_RIGHT
        self.details: dict[str, Any] = {
            "model": self.name,
            "folder": str(loaded.folder),
            "device": self.device,
            "dtype": str(loaded.dtype).removeprefix("torch."),
            "quantization": loaded.quantization,
            "infilling": layout is not PromptLayout.LEFT_TO_RIGHT,
            "layout": str(layout),
            "format": infilling.form.family if infilling else None,
            "context_tokens": self.context_tokens,
            "cache_model": self.settings.cache is not None,
            "weight_bytes": loaded.weight_bytes,
            "kv_bytes_per_token": self.decoder.shape.bytes_per_token,
            "threads": threads,
        }

    @classmethod
    def load(cls, settings: EngineSettings, progress: Progress, *, without_transformers: bool = False) -> Generator:
        """Load the model that the settings name; ``progress`` gets a share from 0 to 1 and a few words.

        ``without_transformers`` as in :func:`infill_completion.engine.checkpoints.checkpoint.load`.

        Raises:
            ModelError: One sentence with the next step.
        """
        generator = cls(
            load_checkpoint(settings, progress, without_transformers=without_transformers), settings.context_tokens
        )
        generator.warm_up()
        progress(1.0, "ready")
        return generator

    def warm_up(self) -> None:
        """Run one short request, so that the first real one does not pay for lazy initialisation."""
        request = CompletionRequest(prefix="def f():\n    return ", suffix="\n", max_tokens=2, temperature=0.0)
        for _ in self.stream(request, lambda: False):
            pass
        self.slots.clear()
        self.recent.clear()
        if self.device_loop is not None:
            slot, _ = self.slots.acquire([0])
            self.device_loop.prepare(slot.cache)
            self.slots.release(slot)

    def close(self) -> None:
        """Free the weights and all caches."""
        self.slots.clear()
        self.relay.close()
        del self.model, self.decoder, self.relay, self.device_loop
        gc.collect()
        if self._torch_device.type == "cuda":
            torch.cuda.empty_cache()

    def stream(self, request: CompletionRequest, cancelled: Callable[[], bool]) -> Iterator[Chunk]:
        """Answer a request, one chunk a token at least.

        ``cancelled`` and the deadline are looked at before each token and between chunks of the prefill.  Out of
        memory halves the context and goes on from there.

        Yields:
            Chunks; the last of each candidate has a ``finish_reason``, the very last one ``usage``, ``timings`` and,
            if asked for, ``explain``.

        Raises:
            ModelError: There is no memory left for even a short prompt.
        """
        turns = self.turns(request, cancelled)
        try:
            yield from (chunk for chunk in turns if chunk is not None)
        finally:
            turns.close()

    def turns(self, request: CompletionRequest, cancelled: Callable[[], bool]) -> Steps[Chunk | None, None, None]:
        """Answer a request as :meth:`stream` does, with None wherever a long prefill may give way to another request.

        Several may be on their way at once, each advanced in turn; their tokens are those they would have alone.
        """
        yield from Answer(self, request, cancelled).turns()

    @property
    def concurrency(self) -> int:
        """How many requests may be on their way at once: as many as there are slots, but never only one."""
        return max(2, self.slots.count)

    def prompt(self, request: CompletionRequest) -> Prompt:
        """Return the prompt that a request gets."""
        settings = self.settings
        options = PromptOptions(
            layout=settings.layout, budget_tokens=self.context_tokens, suffix_share=settings.suffix_share,
            context_share=settings.context_share, heal=settings.heal,
        )  # fmt: skip
        return self._keeper.prompt(self.tokenizer, request.prefix, request.suffix, request.context, options)

    def index(self, prompt: Prompt) -> NgramIndex:
        """Return an index over the text of a prompt, for whoever asks to grow; that of the last prompt is kept."""
        return self._indexes.index(prompt, self.settings.cache or CacheParameters(), self.tokenizer.infilling)

    def scores(self, cache: KVCache, ids: Items[int], start: int, fork: Fork | None = None) -> Items[Tensor]:
        """Return the model's scores behind each of ``ids``, which follow the first ``start`` tokens of ``cache``.

        ``(vocabulary,)`` each, float32, until the next call; ``fork`` as in
        :meth:`infill_completion.engine.model.decoder.Decoder.forward`.
        """
        loop = self.device_loop
        if loop is not None and len(ids) <= loop.reach(cache, start):
            return loop.score(cache, ids, start, fork).unbind()
        return self.decoder.scores(ids, cache, start, fork)

    def sequence(self, number: int, spell: str, request: CompletionRequest, index: NgramIndex | None) -> Sequence:
        """Return a fresh candidate of a request."""
        return Sequence(
            number, self.tokenizer, self._speller, spell, request.stop, self.stop_tokens, request.max_tokens, index,
            self.settings.cache, self.decoder.native_step,
        )  # fmt: skip

    def with_settings(self, **changes: Any) -> Generator:
        """Return a generator over the same weights with other model settings, to compare them."""
        twin = object.__new__(Generator)
        twin.__dict__.update(self.__dict__)
        twin.settings = replace(self.settings, **changes)
        twin.slots = Slots(self.decoder.shape, self.slots.capacity, self.slots.count)
        twin.recent = Recent()
        return twin

    def shrink(self) -> bool:
        """Free the caches and halve the context; False where it is as short as it may be."""
        if self.context_tokens // 2 < MIN_CONTEXT_TOKENS:
            return False
        self.slots.clear()
        gc.collect()
        if self._torch_device.type == "cuda":
            torch.cuda.empty_cache()
        self.context_tokens //= 2
        self.details["context_tokens"] = self.context_tokens
        capacity = self.context_tokens + ANSWER_TOKENS
        self.slots = Slots(self.decoder.shape, min(capacity, self.slots.capacity), 1)
        log.warning("Memory ran out; prompts have %d tokens from now on.", self.context_tokens)
        return True

    def _room_for(self, capacity: int) -> int:
        """Return how many tokens of keys and values fit, at most ``capacity``: half of the free memory is for them."""
        free = devices.free_bytes(self._torch_device)
        if free is None:
            return capacity
        return max(2 * MIN_CONTEXT_TOKENS, min(capacity, free // 2 // self.decoder.shape.bytes_per_token))

    def _slot_count(self, capacity: int) -> int:
        """Return how many prompts to remember: what fits in a quarter of the memory that is free now."""
        free = devices.free_bytes(self._torch_device)
        if free is None:
            free = _SUPPOSED_FREE_BYTES
        return max(1, min(MAX_SLOTS, free // 4 // (self.decoder.shape.bytes_per_token * capacity)))
