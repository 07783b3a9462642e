"""Random weights in the true shapes of the CodeLlama models, for machines without a checkpoint."""

from __future__ import annotations

import json
import math
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch
from torch import Tensor, nn

from infill_completion.catalog import ModelShape
from infill_completion.engine.checkpoints.selection import EMBEDDED
from infill_completion.engine.checkpoints.tokenizer import Tokenizer

environment.prepare()

SHAPES = {
    "tiny": ModelShape(2, 256, 768, 4, 2, 64, 16_384),
    "7b": ModelShape(32, 4096, 11008, 32, 32, 128, 32_016),
    "13b": ModelShape(40, 5120, 13824, 40, 40, 128, 32_016),
    "34b": ModelShape(48, 8192, 22016, 64, 8, 128, 32_000),
}
ROPE_THETA = 1e6  # of every CodeLlama (paper, section 2.4)


@torch.no_grad()  # transformers cannot use tensors of the inference mode outside of it
def random_model(shape: ModelShape, device: torch.device, dtype: torch.dtype, quantization: str, seed: int = 0) -> Any:
    """Return a ``LlamaForCausalLM`` with normally distributed weights; only one layer at a time is held unquantised."""
    import transformers
    from transformers.models.llama import modeling_llama

    typed: Any = transformers
    rotary: Any = modeling_llama.LlamaRotaryEmbedding
    config = typed.LlamaConfig(
        vocab_size=shape.vocab, hidden_size=shape.hidden, intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers, num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim, max_position_embeddings=16_384, tie_word_embeddings=shape.tied,
        rope_parameters={"rope_theta": ROPE_THETA, "rope_type": "default"}, attn_implementation="sdpa",
        bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    with torch.device("meta"):
        model: Any = typed.LlamaForCausalLM(config).to(dtype)
    random = torch.Generator(device=device).manual_seed(seed)

    def values(like: Tensor) -> Tensor:
        scale = 1.0 / math.sqrt(like.shape[-1])
        return torch.empty(like.shape, dtype=dtype, device=device).normal_(0.0, scale, generator=random)

    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and name != "lm_head":
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, _linear(values(module.weight), quantization, dtype))
        elif isinstance(module, nn.Linear | nn.Embedding):
            module.weight = nn.Parameter(values(module.weight), requires_grad=False)
        elif type(module).__name__ == "LlamaRMSNorm":
            module.weight = nn.Parameter(torch.ones(shape.hidden, dtype=dtype, device=device), requires_grad=False)
    with device:  # it computes its frequencies on the device that is current
        model.model.rotary_emb = rotary(config)
    if shape.tied:
        model.tie_weights()
    return model.eval().requires_grad_(False)


def _linear(weight: Tensor, quantization: str, dtype: torch.dtype) -> nn.Module:
    rows, columns = weight.shape
    if quantization == "none":
        linear = nn.Linear(columns, rows, bias=False, device="meta")
        linear.weight = nn.Parameter(weight, requires_grad=False)
        return linear
    import bitsandbytes

    bnb: Any = bitsandbytes.nn
    if quantization == "int8":
        whole: Any = bnb.Linear8bitLt(columns, rows, bias=False, has_fp16_weights=False, device="meta")
        whole.weight = bnb.Int8Params(weight, requires_grad=False, has_fp16_weights=False).to(weight.device)
        return whole  # type: ignore[no-any-return]
    four: Any = bnb.Linear4bit(
        columns, rows, bias=False, compute_dtype=dtype, compress_statistics=True, quant_type="nf4", device="meta"
    )
    four.weight = bnb.Params4bit(
        weight, requires_grad=False, compress_statistics=True, quant_type="nf4", module=four
    ).to(weight.device)
    return four  # type: ignore[no-any-return]


def padded_tokenizer(vocab: int) -> Tokenizer:
    """Return the embedded tokenizer, padded to ``vocab`` pieces so that every id of a random model has a text."""
    document = json.loads((EMBEDDED / "tokenizer.json").read_text(encoding="utf-8"))
    pieces: dict[str, int] = document["model"]["vocab"]
    taken = max([*pieces.values(), *(int(token["id"]) for token in document["added_tokens"])]) + 1
    pieces |= {f"<unused_{id_}>": id_ for id_ in range(taken, vocab)}
    return Tokenizer(document)
