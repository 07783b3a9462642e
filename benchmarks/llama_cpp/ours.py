"""Our engine as a process of its own: a task per line of JSON, an answer per line, as in ``worker.py``."""

from __future__ import annotations

import ctypes
import statistics
import sys
from dataclasses import replace
from typing import Any

from benchmarks.llama_cpp import memory
from benchmarks.llama_cpp.worker import serve
from infill_completion.engine.bench import workload
from infill_completion.engine.bench.keystroke import TYPED
from infill_completion.engine.checkpoints.checkpoint import load
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.decoding.loaded_model import LoadedModel
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.native import build as native_build
from infill_completion.settings import EngineSettings

import torch  # isort: skip  # after the engine's environment

_BUILD_LIMIT_S = 300.0
# How full a prompt is at least; it ends at the end of a line.
_FILLED = 0.9


class OurTasks:
    """Answers tasks with a model, loaded as the engine does."""

    def __init__(self, model: str, quantization: str, context_tokens: int) -> None:
        native_build.shared().wait(_BUILD_LIMIT_S)
        settings = EngineSettings(model=model, device="cpu", quantization=quantization, context_tokens=context_tokens)
        loaded = load(settings, lambda _share, _what: None, without_transformers=True)
        # The cost of a token does not depend on how long the prompts of the training were.
        config = loaded.model.config
        config.max_position_embeddings = max(config.max_position_embeddings, 2 * context_tokens)
        loaded = replace(loaded, settings=replace(loaded.settings, context_tokens=None))
        self._generator = Generator(LoadedModel(loaded, context_tokens))
        self._generator.warm_up()
        self._loop = workload.endless(self._generator, shipped=False)
        self._pass = self._generator.model.forward_pass
        self._request: Any = None
        self._skipped = 0

    def describe(self) -> dict[str, Any]:
        """Return what is measured."""
        step = self._pass.native_step()
        if step is None:
            raise SystemExit("The compiled step is not available; see the messages above.")
        library: Any = native_build.shared().library
        library.infill_products.restype = ctypes.c_char_p
        return {
            "quantization": self._generator.details["quantization"],
            "products": library.infill_products().decode(),
            "peak": memory.of_this_process()["peak"],
        }

    def step_bytes(self, context: int) -> dict[str, Any]:
        """Return what a step reads: the packed weights, keys and values."""
        decoder = self._pass.decoder
        linears = [part for each in decoder.layers for part in (each.qkv, each.out, each.gate_up, each.down)]
        held: list[Any] = [*linears, decoder.head]
        weights = sum(each.weight.nbytes for each in held)
        return {"weights": weights, "all": weights + context * self._pass.kv_shape.bytes_per_token}

    def prepare(self, context: int, tokens: int) -> dict[str, Any]:
        """Read a prompt of real code, which stays in its cache, and return its ids."""
        self._request = workload.request_of(self._loop, context, tokens)
        workload.run(self._loop, self._request)
        ids = list(self._loop.model.prompt(self._request).ids)
        if len(ids) < _FILLED * context:
            raise SystemExit(f"The prompt has {len(ids)} tokens, not {context}.")
        return {"ids": ids}

    def prompt(self, ids: list[int], threads: int) -> dict[str, Any]:
        """Read another prompt of about as many tokens, none of which are in a cache."""
        self._pass.use_threads(threads)
        self._skipped += 400
        request = workload.request_of(self._loop, len(ids), 1, skip_lines=self._skipped)
        last = workload.run(self._loop, request)
        assert last.usage is not None
        fresh = last.usage.prompt_tokens - last.usage.cached_tokens
        return {"ms": last.timings["prefill_ms"] * len(ids) / fresh}

    def greedy(self, ids: list[int], tokens: int, threads: int) -> dict[str, Any]:
        """Choose the most likely tokens after a prompt."""
        self._pass.use_threads(threads)
        cache = KVCache(self._pass.kv_shape, len(ids) + tokens)
        out: list[int] = []
        with torch.inference_mode():
            scores = self._pass.prefill(ids, cache, 0)[0]
            while len(out) < tokens:
                out.append(int(scores.argmax()))
                scores = self._pass.scores(out[-1:], cache, len(ids) + len(out) - 1)[0]
        return {"ids": out}

    def decode(self, tokens: int, threads: int, limit_s: float) -> dict[str, Any]:
        """Measure the rate of decoding after the prompt; the limit is for engines that may stand still."""
        del limit_s
        self._pass.use_threads(threads)
        request = replace(self._request, max_tokens=tokens)
        return {"tokens_per_s": workload.ours_per_second(self._loop, request), "tokens": tokens}

    def keystroke(self, context: int, threads: int) -> dict[str, Any]:
        """Return the time to the first token after a typed character, and that of a step, in milliseconds."""
        self._pass.use_threads(threads)
        request = workload.request_of(self._generator, context, 1)
        workload.run(self._generator, request)
        typed = [
            workload.run(self._generator, replace(request, prefix=f"{request.prefix}    {TYPED[:end]}"))
            for end in range(1, len(TYPED) + 1)
        ]
        rate = workload.ours_per_second(self._loop, replace(request, max_tokens=16))
        return {"ms": statistics.median(last.timings["ttft_ms"] for last in typed), "step_ms": 1000 / rate}

    def memory(self, context: int) -> dict[str, Any]:
        """Return the memory of this process, as it is two seconds after a request, and what most of it is for.

        ``one_prompt`` is what is resident while a single prompt, of ``context`` tokens, is remembered.
        """
        self._generator.settle()
        slots = [each.model.slots for each in (self._generator, self._loop)]
        tokens = sum(len(slot.ids) for each in slots for slot in each.held)
        found = memory.of_this_process() | {
            "weights": self.step_bytes(0)["weights"], "kv": tokens * self._pass.kv_shape.bytes_per_token
        }  # fmt: skip
        for each in slots:
            each.clear()
        workload.run(self._loop, workload.request_of(self._loop, context, 16))
        self._generator.settle()
        return found | {"one_prompt": memory.of_this_process()["resident"]}


if __name__ == "__main__":
    serve(OurTasks(sys.argv[1], sys.argv[2], int(sys.argv[3])))
