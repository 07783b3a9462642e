"""A Llama so small that it loads in a blink, with the embedded model's tokenizer and random weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from infill_completion.engine.checkpoints.selection import EMBEDDED

VOCABULARY = 4096


def save_tiny(folder: Path, **changes: Any) -> Path:
    """Write a checkpoint of two layers, four heads over two key-value heads, and return its folder."""
    from transformers import LlamaConfig, LlamaForCausalLM

    shape: dict[str, Any] = {
        "vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512, "bos_token_id": 1,
        "eos_token_id": 2, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
    }  # fmt: skip
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**shape | changes))
    for parameter in model.parameters():  # logits far apart, so that ties cannot decide a comparison of tokens
        parameter.data.mul_(4) if parameter.ndim == 2 else None
    model.save_pretrained(folder)
    shutil.copy(EMBEDDED / "tokenizer.json", folder / "tokenizer.json")
    return folder


def never() -> bool:
    """Withdraw no request."""
    return False
