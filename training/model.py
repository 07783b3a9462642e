"""A minimal CodeLlama for training: bf16 products, fp32 weights, the names of ``LlamaForCausalLM``.

The q, k, v projections are one matrix here, and so are gate and up, because one wide product is faster than several
narrow ones; :meth:`Llama.checkpoint` splits them again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# The parameters of a layer, each with the parameters of transformers' layer that it joins.
PARTS = {
    "input_norm": ("input_layernorm",),
    "post_norm": ("post_attention_layernorm",),
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}


@dataclass(frozen=True)
class LlamaShape:
    """The shape of a model, with the names of ``LlamaConfig``."""

    vocab_size: int = 4096
    hidden_size: int = 320
    intermediate_size: int = 864
    num_hidden_layers: int = 5
    num_attention_heads: int = 5
    max_position_embeddings: int = 1024
    rope_theta: float = 10_000.0
    rms_norm_eps: float = 1e-5

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads

    def config(self) -> dict[str, object]:
        """Return the ``config.json`` of the same model for transformers."""
        fields = asdict(self)
        theta = fields.pop("rope_theta")
        return fields | {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
            "num_key_value_heads": self.num_attention_heads, "head_dim": self.head_dim,
            "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": False, "bos_token_id": 1,
            "eos_token_id": 2, "torch_dtype": "bfloat16",
            "rope_parameters": {"rope_theta": theta, "rope_type": "default"},
        }  # fmt: skip


def _rope(length: int, shape: LlamaShape) -> tuple[Tensor, Tensor]:
    inverse = shape.rope_theta ** (-torch.arange(0, shape.head_dim, 2).float() / shape.head_dim)
    angles = torch.outer(torch.arange(length).float(), inverse)
    return torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)


def _norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps) * weight).to(x.dtype)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    left, right = x.chunk(2, -1)
    return (x * cos + torch.cat([-right, left], -1) * sin).to(x.dtype)


def _attend(q: Tensor, k: Tensor, v: Tensor, blocks: int = 4) -> Tensor:
    """Causal attention in ``blocks`` slices of queries; in bf16 on the CPU it takes half the flash kernel's time."""
    if q.is_cuda:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    length, width = q.shape[-2:]
    step = length // blocks
    mask = torch.full((step, step), float("-inf"), dtype=q.dtype).triu(1)
    q = q * width**-0.5
    mixed = []
    for start in range(0, length, step):
        end = start + step
        scores = q[..., start:end, :] @ k[..., :end, :].transpose(-1, -2)
        scores = scores + F.pad(mask, (start, 0))
        mixed.append(scores.float().softmax(-1).to(q.dtype) @ v[..., :end, :])
    return torch.cat(mixed, -2)


def loss_of(x: Tensor, norm: Tensor, head: Tensor, targets: Tensor, eps: float) -> Tensor:
    """Return the mean cross-entropy in nats after the last layer's output ``x``."""
    logits = F.linear(_norm(x, norm, eps).flatten(0, 1), head.to(x.dtype))
    return F.cross_entropy(logits.float(), targets.flatten(), ignore_index=-100)


class DecoderLayer(nn.Module):
    """One decoder layer; ``x`` is ``(batch, length, hidden)`` in bf16."""

    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.shape = shape
        hidden, wide = shape.hidden_size, shape.intermediate_size
        self.input_norm = nn.Parameter(torch.ones(hidden))
        self.post_norm = nn.Parameter(torch.ones(hidden))
        self.qkv = nn.Parameter(torch.randn(3 * hidden, hidden) * hidden**-0.5)
        self.out = nn.Parameter(torch.zeros(hidden, hidden))
        self.gate_up = nn.Parameter(torch.randn(2 * wide, hidden) * hidden**-0.5)
        self.down = nn.Parameter(torch.zeros(hidden, wide))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Return the layer's output, in the shape of ``x``."""
        batch, length, hidden = x.shape
        shape = self.shape
        normed = _norm(x, self.input_norm, shape.rms_norm_eps)
        qkv = F.linear(normed, self.qkv.to(x.dtype))
        q, k, v = qkv.view(batch, length, 3, shape.num_attention_heads, shape.head_dim).permute(2, 0, 3, 1, 4)
        mixed = _attend(_rotate(q, cos, sin), _rotate(k, cos, sin), v)
        x = x + F.linear(mixed.transpose(1, 2).reshape(batch, length, hidden), self.out.to(x.dtype))
        gate, up = F.linear(_norm(x, self.post_norm, shape.rms_norm_eps), self.gate_up.to(x.dtype)).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, self.down.to(x.dtype))


class Llama(nn.Module):
    """The whole model."""

    def __init__(self, shape: LlamaShape, length: int) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Parameter(torch.randn(shape.vocab_size, shape.hidden_size) * 0.5)
        self.cos: Tensor
        self.sin: Tensor
        self.layers = nn.ModuleList(DecoderLayer(shape) for _ in range(shape.num_hidden_layers))
        self.norm = nn.Parameter(torch.ones(shape.hidden_size))
        self.head = nn.Parameter(torch.randn(shape.vocab_size, shape.hidden_size) * shape.hidden_size**-0.5 * 0.1)
        cos, sin = _rope(length, shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats; ``ids`` and ``targets`` are ``(batch, length)``, -100 is ignored."""
        x = F.embedding(ids, self.embed).bfloat16()
        for layer in self.stack():
            x = layer(x, self.cos, self.sin)
        return loss_of(x, self.norm, self.head, targets, self.shape.rms_norm_eps)

    def stack(self) -> list[DecoderLayer]:
        """Return the layers, first to last."""
        return [layer for layer in self.layers if isinstance(layer, DecoderLayer)]

    def checkpoint(self) -> dict[str, Tensor]:
        """Return the weights in bf16 under the names of transformers' ``LlamaForCausalLM``."""
        tensors: dict[str, Tensor] = {
            "model.embed_tokens.weight": self.embed,
            "model.norm.weight": self.norm,
            "lm_head.weight": self.head,
        }
        for index, layer in enumerate(self.stack()):
            for ours, theirs in PARTS.items():
                pieces = layer.get_parameter(ours).chunk(len(theirs))
                tensors |= {
                    f"model.layers.{index}.{part}.weight": piece for part, piece in zip(theirs, pieces, strict=True)
                }
        return {key: value.detach().to(torch.bfloat16).contiguous().clone() for key, value in tensors.items()}

    def load_checkpoint(self, tensors: dict[str, Tensor]) -> None:
        """Load the weights that :meth:`checkpoint` returned.

        Raises:
            RuntimeError: The weights have another shape.
        """
        names = {"embed": "model.embed_tokens", "norm": "model.norm", "head": "lm_head"}
        state = {ours: tensors[f"{theirs}.weight"].float() for ours, theirs in names.items()}
        for index in range(self.shape.num_hidden_layers):
            for ours, theirs in PARTS.items():
                parts = [tensors[f"model.layers.{index}.{part}.weight"] for part in theirs]
                state[f"layers.{index}.{ours}"] = torch.cat(parts).float()
        self.load_state_dict(state)
