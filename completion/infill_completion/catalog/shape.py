"""The shape of a Llama-like model, and the sizes that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Quantization(StrEnum):
    """Storage of the weights of the linear layers; embeddings, head and norms stay in 16 bits.

    ``INT4`` is the engine's own on the CPU, where embeddings and head have 8 bits.
    """

    NF4 = "nf4"
    INT8 = "int8"
    INT4 = "int4"
    BF16 = "bf16"


# NF4 with double quantization (Dettmers et al. 2023, section 3): 4 bits per weight, an 8-bit scale per 64 weights, a
# 32-bit scale per 256 of those scales.  LLM.int8 keeps one 32-bit scale per row, which `linear_bytes` adds.  INT4 has
# two numbers of 16 bits per 32 weights.
BITS_PER_WEIGHT = {
    Quantization.NF4: 4 + 8 / 64 + 32 / (64 * 256),
    Quantization.INT8: 8.0,
    Quantization.INT4: 4 + 2 * 16 / 32,
    Quantization.BF16: 16.0,
}


# Families whose layers the engine computes, as transformers calls them.
FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "granite", "starcoder2")
_MAX_SIZE = 1 << 24


@dataclass(frozen=True)
class ModelShape:
    """The numbers in a ``config.json`` that determine memory and speed.

    Attributes:
        layers: Number of layers.
        hidden: Width of the residual stream.
        intermediate: Width inside the feed-forward part.
        heads: Query heads.
        kv_heads: Key and value heads; fewer than ``heads`` with grouped-query attention.
        head_dim: Width of a head.
        vocab: Rows of the embedding and of the head.
        tied: Whether the head is the embedding.
        gated: Whether the feed-forward part has a gate; StarCoder2's has none.
    """

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    tied: bool = False
    gated: bool = True

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> ModelShape:
        """Read a ``config.json``; what it does not say is as in transformers.

        Raises:
            KeyError: The model is not Llama-like.
            ValueError: A size is none that a model can have.
        """
        heads, hidden = _size(config, "num_attention_heads"), _size(config, "hidden_size")
        return cls(
            layers=_size(config, "num_hidden_layers"),
            hidden=hidden,
            intermediate=_size(config, "intermediate_size"),
            heads=heads,
            kv_heads=_size(config, "num_key_value_heads", heads),
            head_dim=_size(config, "head_dim", max(1, hidden // heads)),
            vocab=_size(config, "vocab_size"),
            tied=bool(config.get("tie_word_embeddings", config.get("model_type") == "starcoder2")),
            gated=config.get("model_type") != "starcoder2",
        )

    @property
    def linear_rows(self) -> int:
        """Output rows of the linear layers in all layers."""
        attention = (self.heads + 2 * self.kv_heads) * self.head_dim + self.hidden
        return self.layers * (attention + (2 if self.gated else 1) * self.intermediate + self.hidden)

    @property
    def linear_weights(self) -> int:
        """Number of weights in the linear layers: q, k, v, o, up, down of every layer, and its gate if it has one."""
        attention = self.hidden * (2 * self.heads + 2 * self.kv_heads) * self.head_dim
        return self.layers * (attention + (3 if self.gated else 2) * self.hidden * self.intermediate)

    @property
    def parameters(self) -> int:
        """Number of weights, without biases."""
        norms = (2 * self.layers + 1) * self.hidden
        return self.linear_weights + norms + self.vocab * self.hidden * (1 if self.tied else 2)

    def linear_bytes(self, quantization: Quantization) -> int:
        """Return the bytes of the linear layers."""
        scales = 4 * self.linear_rows if quantization is Quantization.INT8 else 0
        return int(self.linear_weights * BITS_PER_WEIGHT[quantization] / 8) + scales

    def weight_bytes(self, quantization: Quantization) -> int:
        """Return the bytes of all weights."""
        each = 1 if quantization is Quantization.INT4 else 2
        return self.linear_bytes(quantization) + each * (self.parameters - self.linear_weights)

    def kv_bytes(self, tokens: int, bytes_per_value: int = 2) -> int:
        """Return the bytes of the keys and values: each token has ``2 * layers * kv_heads * head_dim`` values."""
        return tokens * 2 * self.layers * self.kv_heads * self.head_dim * bytes_per_value

    def step_bytes(self, quantization: Quantization, context_tokens: int) -> int:
        """Return the bytes to read for decoding one token: the linear layers, the head, the keys and values."""
        return self.linear_bytes(quantization) + 2 * self.vocab * self.hidden + self.kv_bytes(context_tokens)


def _size(config: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """Return a size in a ``config.json``; null means the default."""
    value = config[key] if default is None else config.get(key) or default
    if type(value) is not int or not 0 < value <= _MAX_SIZE:
        raise ValueError(f"{key} is not a size")
    return value
