"""llama.cpp as a process of its own, without our engine's thread settings: a task per line of JSON, an answer per line.

It uses the C interface of llama-cpp-python, so the only Python that runs between two tokens is the loop below.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import sys
import time
from functools import cache
from typing import Any

from benchmarks.llama_cpp import memory, no_amx

TEMPERATURE, TOP_P = 0.1, 0.9


@cache
def silent_llama_cpp() -> Any:
    """Return the module of the C interface, without its messages."""
    c: Any = importlib.import_module("llama_cpp")
    c.silence = c.llama_log_callback(lambda _level, _text, _data: None)  # kept alive
    c.llama_log_set(c.silence, ctypes.c_void_p(0))
    return c


class LlamaCppModel:
    """A loaded GGUF file."""

    def __init__(self, path: str, context_tokens: int) -> None:
        self.c = silent_llama_cpp()
        self.c.llama_backend_init()
        self._model = self.c.llama_model_load_from_file(path.encode(), self.c.llama_model_default_params())
        if not self._model:
            raise SystemExit(f"llama.cpp cannot load {path}.")
        parameters = self.c.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = context_tokens
        self._context = self.c.llama_init_from_model(self._model, parameters)
        self._prompt: list[int] = []

    def _sampler(self, temperature: float) -> Any:
        """Return a sampler with temperature and top-p, or a greedy one for temperature 0."""
        chain = self.c.llama_sampler_chain_init(self.c.llama_sampler_chain_default_params())
        if temperature == 0:
            self.c.llama_sampler_chain_add(chain, self.c.llama_sampler_init_greedy())
            return chain
        self.c.llama_sampler_chain_add(chain, self.c.llama_sampler_init_temp(temperature))
        self.c.llama_sampler_chain_add(chain, self.c.llama_sampler_init_top_p(TOP_P, 1))
        self.c.llama_sampler_chain_add(chain, self.c.llama_sampler_init_dist(0))
        return chain

    def prompt(self, ids: list[int], threads: int) -> float:
        """Read a fresh prompt and return the milliseconds."""
        self.c.llama_set_n_threads(self._context, threads, threads)
        self.c.llama_memory_clear(self.c.llama_get_memory(self._context), True)
        self._prompt, started = ids, time.perf_counter()
        self._feed(ids)
        return (time.perf_counter() - started) * 1000

    def decode(self, tokens: int, threads: int, temperature: float, limit_s: float) -> tuple[list[int], float]:
        """Decode after the prompt until a time; return the tokens and the seconds after the first one."""
        self.c.llama_set_n_threads(self._context, threads, threads)
        kept = len(self._prompt) - 1
        self.c.llama_memory_seq_rm(self.c.llama_get_memory(self._context), 0, kept, -1)
        chain = self._sampler(temperature)
        self._feed(self._prompt[kept:])
        out = [self.c.llama_sampler_sample(chain, self._context, -1)]
        started = now = time.perf_counter()
        while len(out) < tokens and now - started < limit_s:
            self._feed(out[-1:])
            out.append(self.c.llama_sampler_sample(chain, self._context, -1))
            now = time.perf_counter()
        self.c.llama_sampler_free(chain)
        return out, now - started

    def _feed(self, ids: list[int]) -> None:
        held = (self.c.llama_token * len(ids))(*ids)
        if self.c.llama_decode(self._context, self.c.llama_batch_get_one(held, len(ids))):
            raise SystemExit("llama.cpp could not decode.")


class LlamaCppTasks:
    """Answers tasks with a model."""

    def __init__(self, path: str, context_tokens: int) -> None:
        self._model = LlamaCppModel(path, context_tokens)

    def prompt(self, ids: list[int], threads: int) -> dict[str, Any]:
        """Read a fresh prompt."""
        return {"ms": self._model.prompt(ids, threads)}

    def greedy(self, tokens: int, threads: int) -> dict[str, Any]:
        """Choose the most likely tokens."""
        return {"ids": self._model.decode(tokens, threads, 0.0, 1e9)[0]}

    def decode(self, tokens: int, threads: int, limit_s: float) -> dict[str, Any]:
        """Measure the rate of decoding."""
        out, seconds = self._model.decode(tokens, threads, TEMPERATURE, limit_s)
        return {"tokens_per_s": (len(out) - 1) / seconds, "tokens": len(out)}

    def memory(self, context: int) -> dict[str, Any]:
        """Return the memory of this process, which holds the caches of one prompt from the start."""
        del context
        return memory.of_this_process()


def serve(tasks: Any) -> None:
    """Answer each line of standard input: a method's name and its arguments."""
    for line in sys.stdin:
        name, arguments = json.loads(line)
        print(json.dumps(getattr(tasks, name)(**arguments)), flush=True)


if __name__ == "__main__":
    if "no-amx" in sys.argv[3:]:
        no_amx.refuse()
    serve(LlamaCppTasks(sys.argv[1], int(sys.argv[2])))
