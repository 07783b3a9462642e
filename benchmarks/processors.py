"""The step of a model built for each type of processor that this machine can run: decoding and prompts, in turns.

Run ``python -m benchmarks.processors``. The model has random weights and six layers of the shape of Qwen2.5-Coder-0.5B;
the figures are the fastest of all rounds, in milliseconds.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from infill_completion.engine.model import int4
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.int4 import Int4Linear
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.native import build, compiler
from infill_completion.engine.model.native.step import NativeStep

PROMPT_TOKENS, CONTEXT_TOKENS, VOCABULARY = 256, 1000, 1024
COMPILE_LIMIT_S = 300.0


def decoder(bits: int) -> Decoder:
    """Return a model of that many bits with random weights."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        hidden_size=896, num_attention_heads=14, num_key_value_heads=2, intermediate_size=4864, num_hidden_layers=6,
        vocab_size=VOCABULARY, tie_word_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(1)
    model: Any = Qwen2ForCausalLM(config).bfloat16()
    made = Decoder(model.eval().requires_grad_(False), 2 * CONTEXT_TOKENS, cpu_int8=True)
    for layer in made.layers if bits == 4 else ():
        for name in ("qkv", "out", "gate_up", "down"):
            held: Any = getattr(layer, name)
            weight = held.weight.float() * held.scale.float()[:, None]
            packed = torch.zeros(int4.shape_of(*weight.shape), dtype=torch.uint8)
            int4.pack_into(packed, weight)
            object.__setattr__(layer, name, Int4Linear(packed, weight.shape[0], weight.shape[1], held.bias))
    return made


def timed_ms(step: NativeStep, cache: KVCache, tokens: int, start: int) -> float:
    """Return how long a pass takes."""
    ids = torch.arange(tokens)[None] % VOCABULARY
    began = time.perf_counter()
    step(ids, cache, start, all_logits=False)
    return (time.perf_counter() - began) * 1000


def fastest_ms(step: NativeStep, decoder: Decoder) -> list[float]:
    """Return how long each column of the table takes, the faster of two passes where that is short."""
    cache = KVCache(decoder.kv_shape._replace(dtype=torch.int8), 2 * CONTEXT_TOKENS)
    prompt = timed_ms(step, cache, PROMPT_TOKENS, 0)
    cases = ((1, 16), (4, 17), (1, CONTEXT_TOKENS))
    return [*(min(timed_ms(step, cache, *case) for _ in range(2)) for case in cases), prompt]


def libraries(targets: list[str], folder: Path) -> dict[str, ctypes.CDLL]:
    """Return what this machine can run of the targets."""
    found = {}
    for target in targets:
        os.environ[compiler.SWITCH] = target
        made = build.Build(folder)
        made.wait(COMPILE_LIMIT_S)
        if made.library is not None:
            found[target] = made.library
    return found


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--bits", type=int, nargs="*", default=[8, 4])
    parser.add_argument("targets", nargs="*", default=["avx512", "avxvnni", "avx2", "plain"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder, torch.inference_mode():
        built = libraries(arguments.targets, Path(folder))
        print("| bits, target | a token | 4 tokens at once | a token after 1,000 | a prompt of 256 |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for bits in arguments.bits:
            model = decoder(bits)
            rounds: dict[str, list[list[float]]] = {target: [] for target in built}
            for _ in range(arguments.rounds):
                for target, library in built.items():
                    rounds[target].append(fastest_ms(NativeStep(library, model), model))
            for target, rows in rounds.items():
                best = (f"{min(column):.2f}" for column in zip(*rows, strict=True))
                print(f"| {bits}, {target} | " + " | ".join(best) + " |", flush=True)


if __name__ == "__main__":
    main()
