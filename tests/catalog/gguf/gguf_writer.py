"""Writes GGUF files for tests, from ``docs/gguf.md`` in the repository of ggml."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.prompt.tokenizers import byte_table

CODES = {
    "F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q5_0": 6, "Q5_1": 7, "Q8_0": 8, "Q2_K": 10, "Q3_K": 11, "Q4_K": 12,
    "Q5_K": 13, "Q6_K": 14, "IQ4_NL": 20, "IQ4_XS": 23, "BF16": 30, "MXFP4": 39,
}  # fmt: skip
ALIGNMENT = 32


class Stored(NamedTuple):
    """A tensor to write: its type, its shape as torch has it, and its bytes."""

    kind: str
    shape: tuple[int, ...]
    data: bytes


def text(value: str) -> bytes:
    """Return a text with its length."""
    return struct.pack("<Q", len(value.encode())) + value.encode()


def scalar(value: Any) -> tuple[int, bytes]:
    """Return the type and the bytes of a value; whole numbers are 32 bits wide."""
    if isinstance(value, bool):
        return 7, struct.pack("<?", value)
    if isinstance(value, int):
        return (4, struct.pack("<I", value)) if value >= 0 else (5, struct.pack("<i", value))
    if isinstance(value, float):
        return 6, struct.pack("<f", value)
    return 8, text(value)


def typed(value: Any) -> bytes:
    """Return a value after its type."""
    if isinstance(value, list):
        items = [scalar(item) for item in value]
        kind = items[0][0] if items else 8
        body = b"".join(data for _, data in items)
        return struct.pack("<IIQ", 9, kind, len(value)) + body
    kind, body = scalar(value)
    return struct.pack("<I", kind) + body


def gguf(metadata: Mapping[str, Any], tensors: Mapping[str, Stored], version: int = 3) -> bytes:
    """Return a whole file."""
    header = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    header += b"".join(text(key) + typed(value) for key, value in metadata.items())
    offset, data = 0, b""
    for name, (kind, shape, stored) in tensors.items():
        header += text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape[::-1])
        header += struct.pack("<IQ", CODES[kind], offset)
        data += stored + bytes(-len(stored) % ALIGNMENT)
        offset = len(data)
    return header + bytes(-len(header) % ALIGNMENT) + data


def floats(shape: Sequence[int], values: Sequence[float]) -> Stored:
    """Return a tensor in 32 bits."""
    return Stored("F32", tuple(shape), struct.pack(f"<{len(values)}f", *values))


def small_model() -> tuple[dict[str, Any], dict[str, Stored]]:
    """Return the metadata and the tensors of a Llama of one layer with a byte-level vocabulary."""
    hidden, heads, wide, vocab = 8, 2, 16, 260
    tokens = [f"<{id_}>" for id_ in range(4)] + byte_table()
    metadata: dict[str, Any] = {
        "general.architecture": "llama", "general.name": "Small", "llama.block_count": 1,
        "llama.context_length": 64, "llama.embedding_length": hidden, "llama.feed_forward_length": wide,
        "llama.attention.head_count": heads, "llama.attention.head_count_kv": 1,
        "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.freq_base": 1e4,
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "qwen2", "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3] * 4 + [1] * 256, "tokenizer.ggml.merges": [],
        "tokenizer.ggml.eos_token_id": 0, "tokenizer.ggml.fim_pre_token_id": 1, "tokenizer.ggml.fim_suf_token_id": 2,
        "tokenizer.ggml.fim_mid_token_id": 3,
    }  # fmt: skip
    shapes = {
        "token_embd": (vocab, hidden), "blk.0.attn_norm": (hidden,), "blk.0.attn_q": (hidden, hidden),
        "blk.0.attn_k": (4, hidden), "blk.0.attn_v": (4, hidden), "blk.0.attn_output": (hidden, hidden),
        "blk.0.ffn_norm": (hidden,), "blk.0.ffn_gate": (wide, hidden), "blk.0.ffn_up": (wide, hidden),
        "blk.0.ffn_down": (hidden, wide), "output_norm": (hidden,),
    }  # fmt: skip
    tensors = {}
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        tensors[f"{name}.weight"] = floats(shape, [(at * 37 % 101 - 50) / 50 for at in range(count)])
    return metadata, tensors
