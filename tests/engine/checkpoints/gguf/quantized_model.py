"""Small models in GGUF files of 4 bits, rounded as llama.cpp does it, and the same weights in safetensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from infill_completion.engine.checkpoints.gguf.loading import load_gguf
from infill_completion.engine.checkpoints.gguf.vocabulary import vocabulary as vocabulary_of
from tests.catalog.gguf.gguf_writer import Stored, floats, gguf, small_model
from tests.engine.checkpoints.gguf.block_oracle import random_blocks

_HEADS, _KV_HEADS, _WIDE, _LAYERS, _VOCABULARY = 4, 2, 96, 2, 260


def quantized(kind: str, values: np.ndarray) -> Stored:
    """Round a matrix as ``quantize_row_*_ref`` in ``ggml-quants.c`` does."""
    groups = values.astype(np.float32).reshape(-1, 32)
    if kind == "IQ4_NL":  # any numbers: nothing is compared
        return Stored(kind, values.shape, random_blocks(kind, len(groups), seed=0, size=0.01))
    if kind == "Q4_1":
        low, high = groups.min(1, keepdims=True), groups.max(1, keepdims=True)
        step = (high - low) / np.float32(15)
        numbers = np.minimum(15, (groups - low) / np.where(step == 0, 1, step) + np.float32(0.5))
        edges = [step, low]
    else:
        largest = np.take_along_axis(groups, np.abs(groups).argmax(1)[:, None], 1)
        levels = {"Q4_0": -8, "Q8_0": 127}[kind]
        step = (largest if kind == "Q4_0" else np.abs(largest)) / np.float32(levels)
        numbers = groups / np.where(step == 0, 1, step)
        numbers = np.minimum(15, numbers + np.float32(8.5)) if kind == "Q4_0" else numbers.round()
        edges = [step]
    head = [edge.astype("<f2").view(np.uint8).reshape(len(groups), 2) for edge in edges]
    if kind == "Q8_0":
        body = numbers.astype(np.int8).view(np.uint8)
    else:
        whole = numbers.astype(np.uint8)
        body = whole[:, :16] | whole[:, 16:] << 4
    return Stored(kind, values.shape, np.concatenate([*head, body], 1).tobytes())


def write_model(
    path: Path, kind: str, *, other: str = "Q8_0", tied: bool = True, seed: int = 0, hidden: int = 64,
    vocabulary: int = _VOCABULARY,
) -> Path:  # fmt: skip
    """Write a Llama of two layers whose matrices are of a kind; embeddings and the last ``ffn_down`` are of another."""
    metadata, _ = small_model()
    metadata = {key: value for key, value in metadata.items() if ".fim_" not in key}  # a folder has other marks
    metadata |= {
        "llama.block_count": _LAYERS, "llama.embedding_length": hidden, "llama.feed_forward_length": _WIDE,
        "llama.attention.head_count": _HEADS, "llama.attention.head_count_kv": _KV_HEADS, "llama.context_length": 512,
    }  # fmt: skip
    random = np.random.default_rng(seed)
    keys = hidden // _HEADS * _KV_HEADS
    sizes = {
        "attn_q": (hidden, hidden), "attn_k": (keys, hidden), "attn_v": (keys, hidden),
        "attn_output": (hidden, hidden), "ffn_gate": (_WIDE, hidden), "ffn_up": (_WIDE, hidden),
        "ffn_down": (hidden, _WIDE),
    }  # fmt: skip
    shapes = {f"blk.{layer}.{name}": size for layer in range(_LAYERS) for name, size in sizes.items()}
    shapes |= {"token_embd": (vocabulary, hidden)} | ({} if tied else {"output": (vocabulary, hidden)})
    tensors = {}
    for name, shape in shapes.items():
        is_other = name in {"token_embd", "output", f"blk.{_LAYERS - 1}.ffn_down"}
        values = random.normal(size=shape, scale=0.3).astype(np.float32)
        tensors[f"{name}.weight"] = quantized(other if is_other else kind, values)
    norms = [f"blk.{layer}.{name}" for layer in range(_LAYERS) for name in ("attn_norm", "ffn_norm")]
    for name in (*norms, "output_norm"):
        tensors[f"{name}.weight"] = floats((hidden,), (1 + random.normal(size=hidden) / 8).tolist())
    path.write_bytes(gguf(metadata, tensors))
    return path


def save_dequantized(path: Path, folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    """Write the weights and the tokenizer of a GGUF file as a folder of transformers, and return its model."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from infill_completion.catalog.gguf import read

    held: Any = load_gguf(path, torch.float32, torch.device("cpu"))
    made: Any = LlamaForCausalLM(LlamaConfig(**vars(held.config)))
    model = made.to(dtype)
    model.load_state_dict(dict(held.named_parameters()) | {"lm_head.weight": held.lm_head.weight})
    model.save_pretrained(folder)
    made_tokenizer = vocabulary_of(read(path))
    ends = {"eos_token": made_tokenizer.ends.eos, "bos_token": made_tokenizer.ends.bos}
    (folder / "tokenizer.json").write_text(json.dumps(made_tokenizer.document))
    (folder / "tokenizer_config.json").write_text(json.dumps(ends | {"add_bos_token": made_tokenizer.ends.adds_bos}))
    return model.eval()
