"""Decode with llama.cpp in a process of its own, without our engine's thread settings, and print one line of JSON.

It uses the C interface of llama-cpp-python, so the only Python that runs between two tokens is the loop below.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import json
import sys
import time
from typing import Any

TEMPERATURE, TOP_P = 0.1, 0.9


class LlamaCppModel:
    """A loaded GGUF file."""

    def __init__(self, path: str, context_tokens: int, threads: int) -> None:
        self.c: Any = importlib.import_module("llama_cpp")
        self._silence = self.c.llama_log_callback(lambda _level, _text, _data: None)
        self.c.llama_log_set(self._silence, ctypes.c_void_p(0))
        self.c.llama_backend_init()
        self._model = self.c.llama_model_load_from_file(path.encode(), self.c.llama_model_default_params())
        if not self._model:
            raise SystemExit(f"llama.cpp cannot load {path}.")
        parameters = self.c.llama_context_default_params()
        parameters.n_ctx = context_tokens
        parameters.n_batch = context_tokens
        parameters.n_threads = parameters.n_threads_batch = threads
        self._context = self.c.llama_init_from_model(self._model, parameters)

    def sampler(self, temperature: float) -> Any:
        """Return a sampler with temperature and top-p, or a greedy one for temperature 0."""
        chain = self.c.llama_sampler_chain_init(self.c.llama_sampler_chain_default_params())
        if temperature == 0:
            self.c.llama_sampler_chain_add(chain, self.c.llama_sampler_init_greedy())
            return chain
        self.c.llama_sampler_chain_add(chain, self.c.llama_sampler_init_temp(temperature))
        self.c.llama_sampler_chain_add(chain, self.c.llama_sampler_init_top_p(TOP_P, 1))
        self.c.llama_sampler_chain_add(chain, self.c.llama_sampler_init_dist(0))
        return chain

    def run(self, prompt: list[int], tokens: int, temperature: float) -> tuple[list[int], float, float]:
        """Decode; return the tokens, the seconds of the prefill, and the seconds after the first token."""
        self.c.llama_memory_clear(self.c.llama_get_memory(self._context), True)
        chain = self.sampler(temperature)
        started = time.perf_counter()
        self._feed(prompt)
        out = [self.c.llama_sampler_sample(chain, self._context, -1)]
        first = time.perf_counter()
        while len(out) < tokens:
            self._feed(out[-1:])
            out.append(self.c.llama_sampler_sample(chain, self._context, -1))
        ended = time.perf_counter()
        self.c.llama_sampler_free(chain)
        return out, first - started, ended - first

    def _feed(self, ids: list[int]) -> None:
        held = (self.c.llama_token * len(ids))(*ids)
        if self.c.llama_decode(self._context, self.c.llama_batch_get_one(held, len(ids))):
            raise SystemExit("llama.cpp could not decode.")


def main() -> None:
    """Read a task as JSON from standard input and print the figures."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    task = json.load(sys.stdin)
    prompt, tokens = task["prompt"], task["tokens"]
    loaded = LlamaCppModel(task["file"], len(prompt) + tokens + 8, task["threads"])
    greedy, _, _ = loaded.run(prompt, task["greedy_tokens"], 0.0)
    runs = [loaded.run(prompt, tokens, TEMPERATURE) for _ in range(task["repeats"])]
    print(
        json.dumps(
            {
                "greedy": greedy,
                "prefill_ms": min(prefill for _, prefill, _ in runs) * 1000,
                "tokens_per_s": (tokens - 1) / min(decode for _, _, decode in runs),
            }
        )
    )


if __name__ == "__main__":
    main()
