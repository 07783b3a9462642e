"""GGUF files with random weights in the shapes of models that this machine does not have.

The numbers of quantised blocks are random bytes, and their scales are such that the weights have about the size of
trained ones; so a file of 1.5 billion weights takes seconds.  The types of the tensors are those that llama.cpp's own
quantisation chooses.
"""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gguf import vocabulary
from benchmarks.gguf.writer import add_metadata, tensor_names
from infill_completion.catalog import ModelShape
from infill_completion.engine.checkpoints.selection import EMBEDDED

SHAPES = {
    "smollm2-135m": ModelShape(30, 576, 1536, 9, 3, 64, 49_152, tied=True),
    "qwen2.5-coder-0.5b": ModelShape(24, 896, 4864, 14, 2, 64, 151_936, tied=True),
    "qwen2.5-coder-1.5b": ModelShape(28, 1536, 8960, 12, 2, 128, 151_936, tied=True),
}
_POSITIONS = 32_768
# Of each type: bytes of a block, where float16 scales are and how large a number they multiply, and where minimums are.
_BLOCKS: dict[str, tuple[int, tuple[int, ...], float, tuple[int, ...]]] = {
    "Q4_0": (32, (0,), 8, ()),
    "Q4_1": (32, (0,), 15, (2,)),
    "Q5_0": (32, (0,), 16, ()),
    "Q8_0": (32, (0,), 128, ()),
    "Q4_K": (256, (0,), 15 * 63, (2,)),
    "Q6_K": (256, (208,), 32 * 128, ()),
}


def write(shape: ModelShape, target: Path, kind: str) -> None:
    """Write random weights; ``kind`` is ``q4_0``, ``q4_1``, ``q4_k_m`` or ``q8_0``."""
    gguf = importlib.import_module("gguf")
    writer, random = gguf.GGUFWriter(target, "llama"), np.random.default_rng(0)
    add_metadata(writer, {"max_position_embeddings": _POSITIONS, "rms_norm_eps": 1e-6, "rope_theta": 1e6}, shape)
    document = json.loads((EMBEDDED / "tokenizer.json").read_text("utf-8"))
    vocabulary.write(gguf, writer, document, shape.vocab)
    for name in tensor_names(shape.layers).values():
        size = _size(shape, name)
        if size is None:
            writer.add_tensor(name, np.ones(shape.hidden, np.float32))
        elif name != "output.weight":  # tied
            type_ = gguf.GGMLQuantizationType[_type(name, kind, size[1], shape.layers)]
            writer.add_tensor(name, _blocks(gguf, random, type_, *size), raw_dtype=type_)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _size(shape: ModelShape, name: str) -> tuple[int, int] | None:
    """Return outputs and inputs of a matrix, or None for a norm."""
    part = name.split(".")[-2]
    mixed, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    return {
        "token_embd": (shape.vocab, shape.hidden), "output": (shape.vocab, shape.hidden),
        "attn_q": (mixed, shape.hidden), "attn_k": (keys, shape.hidden), "attn_v": (keys, shape.hidden),
        "attn_output": (shape.hidden, mixed), "ffn_gate": (shape.intermediate, shape.hidden),
        "ffn_up": (shape.intermediate, shape.hidden), "ffn_down": (shape.hidden, shape.intermediate),
    }.get(part)  # fmt: skip


def _type(name: str, kind: str, inputs: int, layers: int) -> str:
    """Return the type that llama.cpp's quantisation gives a tensor of a tied model."""
    fits = inputs % 256 == 0
    if kind == "q8_0":
        return "Q8_0"
    if name == "token_embd.weight":
        return "Q6_K" if fits else "Q8_0"
    if kind != "q4_k_m":
        return kind.upper()
    parts = name.split(".")
    layer = int(parts[1])
    more = layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2
    if parts[2] in {"attn_v", "ffn_down"} and more:
        return "Q6_K" if fits else "Q8_0"
    return "Q4_K" if fits else "Q5_0"


def _blocks(gguf: Any, random: Any, type_: Any, outputs: int, inputs: int) -> Any:
    values, scales, largest, minimums = _BLOCKS[type_.name]
    block_bytes = gguf.GGML_QUANT_SIZES[type_][1]
    raw = random.integers(0, 256, (outputs * inputs // values, block_bytes), dtype=np.uint8)
    scale = np.float16(3 / math.sqrt(inputs) / largest)
    for at in scales:
        raw[:, at : at + 2] = np.frombuffer(scale.tobytes(), np.uint8)
    for at in minimums:
        low = np.float16(float(scale) * (7.5 if values == 256 else -7.5))  # K-quants subtract it
        raw[:, at : at + 2] = np.frombuffer(low.tobytes(), np.uint8)
    return raw.reshape(outputs, -1)
