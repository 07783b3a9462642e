"""A model in memory with everything that a request needs of it: tokenizer, forward pass, KV slots, prompts, drafts.

Everything here runs on one thread, the one that loaded the model.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch
from torch import Tensor

from infill_completion.api import CompletionRequest
from infill_completion.engine import memory
from infill_completion.engine.checkpoints import devices
from infill_completion.engine.checkpoints.checkpoint import Checkpoint
from infill_completion.engine.checkpoints.fingerprint import fingerprint
from infill_completion.engine.decoding import rewriting
from infill_completion.engine.decoding.candidate import Candidate
from infill_completion.engine.decoding.draft_policy import DraftPolicy, PassCosts
from infill_completion.engine.decoding.healing import Speller
from infill_completion.engine.decoding.recent_texts import RecentTexts
from infill_completion.engine.model.architecture import entries_of, window_of
from infill_completion.engine.model.cuda.choice import DeviceChoice, KernelChoice, Token
from infill_completion.engine.model.cuda.device_loop import DeviceLoop
from infill_completion.engine.model.cuda.kernels.loading import rounded_shape, step_kernels, use_for_prompts
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.kv_slots import Slots
from infill_completion.engine.model.sampling import Sampling
from infill_completion.engine.ngram.index_keeper import IndexKeeper
from infill_completion.engine.ngram.nested_counts import NestedCounts
from infill_completion.engine.ngram.text_index import TextIndex
from infill_completion.engine.ngram.text_store import TextStore
from infill_completion.prompt.formats import PromptLayout
from infill_completion.prompt.tokens import Prompt, PromptBuilder, PromptOptions

environment.prepare()
log = logging.getLogger(__name__)

MAX_SLOTS = 8
ANSWER_TOKENS = 512  # room after the prompt in every slot, which all candidates share
MIN_CONTEXT_TOKENS = 64
_ASSUMED_FREE_BYTES = 1 << 30  # where the system does not report its free memory


class LoadedModel:
    """A model in memory, and what its requests share.

    Args:
        checkpoint: Weights, tokenizer and settings as loaded.
        context_tokens: Most tokens of a prompt; the model's limits and the free memory may lower it.
        kv_bits: 8 rounds keys and values on CUDA, where the kernels can read them.

    Attributes:
        name: The model's name as users see it.
        device: The device it runs on.
        context_tokens: Most tokens of a prompt; shrinks when memory runs out.
        settings: Layout, budget and n-gram weights of the model.
        tokenizer: The model's tokenizer.
        transformers_model: The transformers model that holds the weights.
        forward_pass: The forward pass over those weights.
        slots: The KV caches of the most recent prompts.
        device_loop: Chooses tokens on a CUDA device where no n-gram index is mixed in; None elsewhere.
        device_choice: Chooses tokens where the host has the scores and they are on a device; None on the CPU.
        recent_texts: Recently generated texts; a request that agrees with one of them is drafted from it.
        texts: The texts of workspaces that are counted.
        stop_tokens: Ids that end an answer; measurements empty them in a copy.
        candidate_type: Makes candidates; measurements replace it in a copy.
    """

    def __init__(self, checkpoint: Checkpoint, context_tokens: int, kv_bits: int = 16) -> None:
        self.name, self.device = checkpoint.name, str(checkpoint.device)
        self.settings, self.tokenizer = checkpoint.settings, checkpoint.tokenizer
        self._torch_device = checkpoint.device
        positions = int(checkpoint.model.config.max_position_embeddings)
        # Within its window a model with a sliding one computes what the decoder does.
        positions = min(positions, window_of(entries_of(checkpoint.model.config)) or positions)
        answer = min(ANSWER_TOKENS, positions // 4)
        self.context_tokens = min(context_tokens, self.settings.context_tokens or positions, positions - answer)
        self.transformers_model: Any = checkpoint.model
        devices.choose_attention(checkpoint.device)
        parameters = sum(parameter.numel() for parameter in checkpoint.model.parameters())
        threads = devices.set_threads(checkpoint.device, parameters)  # first, because the decoder reads it
        decoder = Decoder(
            checkpoint.model, self.context_tokens + answer, cpu_int8=checkpoint.cpu_int8,
            tokens=self.tokenizer.vocab_size,
        )  # fmt: skip
        devices.make_current(decoder.device)  # of several, the one that steps begin and end on
        self.forward_pass = ForwardPass(
            decoder, devices.prefill_threads(checkpoint.device, threads),
            devices.step_threads(checkpoint.device, parameters),
        )  # fmt: skip
        self.device_loop: DeviceLoop | None = None
        self.device_choice: DeviceChoice | KernelChoice | None = None
        if checkpoint.device.type != "cpu":
            self._prepare_device(decoder, self.context_tokens + ANSWER_TOKENS, kv_bits)
        capacity = self._capacity_for(self.context_tokens + ANSWER_TOKENS)
        # Where memory is short, only what a single candidate needs is kept free after the prompt.
        self.context_tokens = min(self.context_tokens, max(MIN_CONTEXT_TOKENS, capacity - answer))
        self.slots = Slots(self.forward_pass.kv_shape, capacity, self._slot_count(capacity))
        self.recent_texts = RecentTexts()
        self._pass_costs, self.candidate_type = PassCosts(), Candidate
        self.texts = TextStore(self.tokenizer.encode_infilling, self.tokenizer.vocab_size)
        self._speller = Speller(self.tokenizer, decoder.device)
        self._prompt_builder, self._indexes = PromptBuilder(), IndexKeeper()
        ends = () if self.tokenizer.eos is None else (self.tokenizer.eos,)
        infilling = self.tokenizer.infilling
        self.stop_tokens = frozenset(ends) | (infilling.stops if infilling else frozenset())
        self._facts = self._described(checkpoint) | {"threads": self.forward_pass.threads}

    def _prepare_device(self, decoder: Decoder, capacity: int, kv_bits: int) -> None:
        """Decide how a device runs steps, prompts and choices; caches have at most ``capacity`` tokens."""
        self.device_choice = DeviceChoice(decoder.vocab_size, decoder.device)
        if decoder.device.type != "cuda":
            return
        kernels = step_kernels(self.transformers_model, decoder, max(decoder.capacity, capacity))
        self.device_loop = DeviceLoop(decoder, self.settings.draft_tokens, kernels=kernels)
        if kernels is None:
            return
        use_for_prompts(kernels)
        if kv_bits == 8 and (shape := rounded_shape(kernels)) is not None:
            self.forward_pass.kv_shape = shape
        # Seeded answers must not depend on who chooses.
        self.device_choice = KernelChoice(kernels.launcher, decoder.vocab_size, decoder.device)

    def _described(self, checkpoint: Checkpoint) -> dict[str, Any]:
        infilling = self.tokenizer.infilling
        layout = self.settings.layout if infilling else PromptLayout.LEFT_TO_RIGHT
        return {
            "model": self.name,
            "folder": str(checkpoint.folder),
            "sha256": fingerprint(checkpoint.folder),
            "device": self.device,
            "dtype": str(checkpoint.dtype).removeprefix("torch."),
            "quantization": checkpoint.quantization,
            "adapter": checkpoint.adapter or None,
            "taught": checkpoint.is_taught,
            "infilling": layout is not PromptLayout.LEFT_TO_RIGHT,
            "layout": str(layout),
            "format": infilling.form.family if infilling else None,
            "edit_format": self.tokenizer.edit_format.family if self.tokenizer.edit_format else None,
            "cache_model": self.settings.cache is not None,
            "workspace_counts": self.settings.workspace is not None,
            "weight_bytes": checkpoint.weight_bytes,
            "kv_bits": 8 * self.forward_pass.kv_shape.dtype.itemsize,
            "kv_bytes_per_token": self.forward_pass.kv_shape.bytes_per_token,
        }

    @property
    def details(self) -> dict[str, Any]:
        """What ``GET /health`` and `infill-ls doctor` show about the model."""
        facts = self._facts | {"context_tokens": self.context_tokens}
        if self.device_loop is not None:
            facts["steps"] = self.device_loop.mode
            facts["draft_cost_steps"] = round(self.device_loop.costs.wide, 2)
        return facts

    @property
    def draft_tokens(self) -> int:
        """How many tokens to draft: none where checking several at once could change an answer."""
        return self.settings.draft_tokens if self.forward_pass.takes_drafts else 0

    def close(self) -> None:
        """Free the weights and all caches, and forget the texts of workspaces."""
        self.texts.clear()
        self.slots.clear()
        self.forward_pass.close()
        del self.transformers_model, self.forward_pass, self.device_loop, self.device_choice
        self._collect_garbage()

    def prompt(self, request: CompletionRequest) -> Prompt:
        """Return the prompt that a request gets."""
        if request.rewrite is not None:
            return rewriting.prompt_of(self.tokenizer, request, self.context_tokens)
        settings = self.settings
        options = PromptOptions(
            layout=settings.layout, budget_tokens=self.context_tokens, suffix_share=settings.suffix_share,
            context_share=settings.context_share, heal=settings.heal,
        )  # fmt: skip
        return self._prompt_builder.prompt(self.tokenizer, request.prefix, request.suffix, request.context, options)

    def counts(
        self, prompt: Prompt, request: CompletionRequest, texts: TextIndex | None, *, drafts: bool
    ) -> NestedCounts | None:
        """Return the counts for a candidate, which may append to them; None where they would say nothing.

        Args:
            prompt: The prompt; the index of the last one is reused.
            request: The request.
            texts: The index of its workspace, which stays the same for the whole request, or None.
            drafts: Whether counts that are not mixed in are of use.
        """
        if request.rewrite is not None:
            return rewriting.counts_of(prompt) if drafts and self.settings.draft_tokens else None
        cache, weights = self.settings.cache, self.settings.workspace
        is_mixed = cache is not None or (weights is not None and texts is not None)
        if not is_mixed and not (drafts and self.settings.draft_tokens):
            return None
        index = None
        if cache is not None or drafts:
            index = self._indexes.index(prompt, cache, self.tokenizer.infilling, self.forward_pass.library)
        tail = prompt.before[-1] if prompt.before else ()
        return NestedCounts(index, cache, texts, weights, tail, request.document)

    def candidate(self, number: int, spell: str, request: CompletionRequest, counts: NestedCounts | None) -> Candidate:
        """Return a fresh candidate of a request."""
        return self.candidate_type(
            number, self.tokenizer, self._speller, spell, request.stop, self.stop_tokens, request.max_tokens, counts,
            self.forward_pass.native_step, ends_with_line=request.ends_with_line,
        )  # fmt: skip

    def scores(self, cache: KVCache, ids: Sequence[int], start: int, fork: Fork | None = None) -> Sequence[Tensor]:
        """Return the model's scores after each of ``ids``, which follow the first ``start`` tokens of ``cache``.

        ``(vocabulary,)`` each, float32, until the next call; ``fork`` as in
        :meth:`infill_completion.engine.model.decoder.Decoder.forward`.
        """
        loop = self.device_loop
        if loop is not None and len(ids) <= loop.reach(cache, start):
            return loop.score(cache, ids, start, fork).unbind()
        started = time.perf_counter()
        scores = self.forward_pass.scores(ids, cache, start, fork)
        if fork is None:
            self._pass_costs.add(len(ids), time.perf_counter() - started)
        return scores

    def forked(
        self, cache: KVCache, ids: Sequence[int], start: int, fork: Fork, sampling: Sampling | None
    ) -> tuple[Sequence[Tensor], Sequence[Token | None]]:
        """Return the scores after the last token of each candidate, and its next token where the device chose one.

        Args:
            cache: The cache that the candidates share.
            ids: Their last tokens.
            start: Index of the first of them.
            fork: How the candidates share the cache.
            sampling: How to choose; None leaves the choice to the caller.
        """
        loop = self.device_loop
        if loop is None or sampling is None or len(ids) > loop.reach(cache, start):
            return self.scores(cache, ids, start, fork), [None] * len(ids)
        tokens, scores = loop.fork(sampling, cache, ids, start, fork)
        return scores.unbind(), tokens

    def with_settings(self, **changes: Any) -> LoadedModel:
        """Return a copy over the same weights with other model settings, to compare them."""
        copy = object.__new__(LoadedModel)
        copy.__dict__.update(self.__dict__)
        copy.settings = replace(self.settings, **changes)
        copy.slots = Slots(self.forward_pass.kv_shape, self.slots.capacity, self.slots.count)
        copy.recent_texts = RecentTexts()
        return copy

    def draft_policy(self, request: CompletionRequest) -> DraftPolicy:
        """Return what decides about the drafts of an answer: as many tokens as a step of the device computes."""
        most, loop = rewriting.most_drafted(request, self.draft_tokens), self.device_loop
        if loop is None or not most:
            return DraftPolicy(most, 1.0, self._pass_costs.per_token)
        return DraftPolicy(loop.width - 1, loop.costs.wide)

    def shrink(self) -> bool:
        """Free the caches and halve the context; return False where the context is already at its minimum."""
        if self.context_tokens // 2 < MIN_CONTEXT_TOKENS:
            return False
        self.slots.clear()
        self._collect_garbage()
        self.context_tokens //= 2
        capacity = self.context_tokens + ANSWER_TOKENS
        self.slots = Slots(self.forward_pass.kv_shape, min(capacity, self.slots.capacity), 1)
        log.warning("Memory ran out; prompts have %d tokens from now on.", self.context_tokens)
        return True

    def _collect_garbage(self) -> None:
        gc.collect()
        memory.return_free()
        if self._torch_device.type != "cpu":
            torch.get_device_module(self._torch_device).empty_cache()

    def _capacity_for(self, wanted: int) -> int:
        """Return how many tokens of keys and values fit into half of the free memory, at most ``wanted``."""
        free = devices.free_bytes(self._torch_device)
        if free is None:
            return wanted
        return max(2 * MIN_CONTEXT_TOKENS, min(wanted, free // 2 // self.forward_pass.kv_shape.bytes_per_token))

    def _slot_count(self, capacity: int) -> int:
        """Return how many prompts to remember: those that fit into a quarter of the memory that is free now."""
        free = devices.free_bytes(self._torch_device)
        if free is None:
            free = _ASSUMED_FREE_BYTES
        return max(1, min(MAX_SLOTS, free // 4 // (self.forward_pass.kv_shape.bytes_per_token * capacity)))
