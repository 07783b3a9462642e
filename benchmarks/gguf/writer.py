"""Write a Llama checkpoint as GGUF, llama.cpp's file format, with the ``gguf`` package from PyPI.

Format: names and metadata keys of ``gguf.constants``.  llama.cpp rotates neighbouring pairs where transformers rotates
halves, so the rows of q and k are permuted as in llama.cpp's own converter.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gguf import vocabulary
from infill_completion.catalog import ModelShape

KINDS = ("f16", "q8_0")


def pair_rows(weight: Any, heads: int) -> Any:
    """Return ``(heads * width, hidden)`` with the halves of each head's rows interleaved."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def tensor_names(layers: int) -> dict[str, str]:
    """Return the GGUF name of each tensor of transformers' ``LlamaForCausalLM``."""
    parts = {
        "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    }  # fmt: skip
    names = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    }
    for layer in range(layers):
        names |= {f"model.layers.{layer}.{old}.weight": f"blk.{layer}.{new}.weight" for old, new in parts.items()}
    return names


def write(folder: Path, target: Path, kind: str) -> None:
    """Write the checkpoint in ``folder`` to ``target``; ``kind`` is one of :data:`KINDS`."""
    gguf = importlib.import_module("gguf")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    shape = ModelShape.of(config)
    writer = gguf.GGUFWriter(target, "llama")
    add_metadata(writer, config, shape)
    vocabulary.write(gguf, writer, json.loads((folder / "tokenizer.json").read_text("utf-8")), shape.vocab)
    tensors = _tensors(folder)
    if shape.tied:
        tensors.setdefault("lm_head.weight", tensors["model.embed_tokens.weight"])
    heads = {"q_proj": shape.heads, "k_proj": shape.kv_heads}
    for old, new in tensor_names(shape.layers).items():
        values = tensors[old]
        turned = next((count for part, count in heads.items() if part in old), None)
        _add(gguf, writer, new, values if turned is None else pair_rows(values, turned), kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _tensors(folder: Path) -> dict[str, Any]:
    import torch
    from safetensors.torch import load_file

    return {name: values.to(torch.float32).numpy() for name, values in load_file(folder / "model.safetensors").items()}


def _add(gguf: Any, writer: Any, name: str, values: Any, kind: str) -> None:
    values = np.ascontiguousarray(values, dtype=np.float32)
    if values.ndim == 1:
        writer.add_tensor(name, values)
    elif kind == "f16":
        writer.add_tensor(name, values.astype(np.float16))
    else:
        packed = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quants.quantize(values, packed), raw_dtype=packed)


def add_metadata(writer: Any, config: dict[str, Any], shape: ModelShape) -> None:
    """Write the shape, the rotary base and the norm of a ``config.json``."""
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 10_000.0)}
    writer.add_context_length(int(config["max_position_embeddings"]))
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.intermediate)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(float(rope["rope_theta"]))
    writer.add_layer_norm_rms_eps(float(config["rms_norm_eps"]))
    writer.add_vocab_size(shape.vocab)
