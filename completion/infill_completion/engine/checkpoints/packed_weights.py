"""Load a Llama-like checkpoint for the CPU straight into packed weights, without transformers and never held whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor

from infill_completion.engine.checkpoints.modules import Rotary
from infill_completion.engine.checkpoints.tensor_files import StoredTensor, stored_tensors
from infill_completion.engine.checkpoints.weights import weight_files
from infill_completion.engine.model import huge_pages, int4, int8
from infill_completion.engine.model.architecture import FAMILIES
from infill_completion.engine.model.int4 import Int4Linear
from infill_completion.engine.model.int8 import Int8Linear

environment.prepare()

_BASE = 10_000.0  # of rotary embeddings where a configuration names none
_EMBEDDINGS, _HEAD = "model.embed_tokens.weight", "lm_head.weight"
# The matrices of a layer in the order in which a step reads them; those in a row are joined.
_JOINED = (
    ("self_attn", "qkv_proj", ("q_proj", "k_proj", "v_proj")),
    ("self_attn", "o_proj", ("o_proj",)),
    ("mlp", "gate_up_proj", ("gate_proj", "up_proj")),
    ("mlp", "down_proj", ("down_proj",)),
)
_NORMS = ("input_layernorm", "post_attention_layernorm")


class StreamedModel(NamedTuple):
    """The parts of a transformers model that the decoder reads, with packed matrices.

    Attributes:
        config: The configuration.
        model: Embeddings, layers, norm and rotary tables.
        lm_head: The head.
        packed: The packed matrices.
    """

    config: Any
    model: Any
    lm_head: Any
    packed: list[Tensor]

    def parameters(self) -> Iterator[Tensor]:
        """Return the packed matrices, which are nearly all of the model."""
        return iter(self.packed)


class _Matrix(NamedTuple):
    """Matrices with the same inputs, one below the other."""

    parts: list[StoredTensor]
    biases: list[StoredTensor]
    bits: int

    @property
    def size(self) -> tuple[int, int]:
        return sum(part.shape[0] for part in self.parts), self.parts[0].shape[1]

    @property
    def packed_shape(self) -> tuple[tuple[int, ...], torch.dtype]:
        return (self.size, torch.int8) if self.bits == 8 else (int4.shape_of(*self.size), torch.uint8)

    def read(self, packed: Tensor) -> Int8Linear | Int4Linear:
        """Fill ``packed``, of :attr:`packed_shape`, and return the layer."""
        bias = torch.cat([part.read().float() for part in self.biases]) if self.biases else None
        if self.bits == 4:
            self._pack_groups(packed)
            return Int4Linear(packed, *self.size, bias)
        scale, start = torch.empty(self.size[0], dtype=torch.bfloat16), 0
        for rows in self._rows():
            end = start + len(rows)
            packed[start:end], scale[start:end] = int8.rounded(rows.bfloat16())
            start = end
        return Int8Linear.of(packed, scale, bias)

    def _rows(self) -> Iterator[Tensor]:
        for part in self.parts:
            yield from part.parts()

    def _pack_groups(self, packed: Tensor) -> None:
        rest, tile = torch.empty(0, self.size[1]), 0
        for rows in self._rows():
            rest = torch.cat([rest, rows.float()])
            whole = len(rest) // int4.GROUP_OUTPUTS
            int4.pack_into(packed[tile : tile + whole], rest[: whole * int4.GROUP_OUTPUTS])
            rest, tile = rest[whole * int4.GROUP_OUTPUTS :], tile + whole
        int4.pack_into(packed[tile:], rest)


def can_stream(folder: Path) -> bool:
    """Return whether :func:`load_packed` supports the checkpoint: whole weights and plain rotary embeddings."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    return (
        config.get("model_type") in FAMILIES
        and not config.get("quantization_config")
        and rope.get("rope_type", rope.get("type", "default")) == "default"
        and config.get("hidden_act", "silu") == "silu"
    )


def load_packed(folder: Path, bits: int) -> StreamedModel:
    """Load a checkpoint that :func:`can_stream` accepts.

    Args:
        folder: Of the checkpoint.
        bits: Of the matrices in the layers, 8 or 4; a head has 8, and a tied one serves as the embeddings.

    Raises:
        KeyError: A tensor is missing.
        ValueError: A file is damaged.
    """
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    raw.setdefault("num_key_value_heads", raw["num_attention_heads"])
    config, tensors = SimpleNamespace(**raw), stored_tensors(weight_files(folder))
    matrices = [_matrix(tensors, f"model.layers.{layer}.{block}", names, bits)
                for layer in range(config.num_hidden_layers) for block, _, names in _JOINED]  # fmt: skip
    is_tied = _HEAD not in tensors
    matrices.append(_Matrix([tensors[_EMBEDDINGS if is_tied else _HEAD]], [], 8))
    packed = huge_pages.block([matrix.packed_shape for matrix in matrices])
    linears: list[Any] = [matrix.read(part) for matrix, part in zip(matrices, packed, strict=True)]
    head = linears.pop()
    core = SimpleNamespace(
        embed_tokens=SimpleNamespace(weight=head.weight if is_tied else tensors[_EMBEDDINGS].read().bfloat16()),
        norm=_norm(tensors, "model.norm"),
        rotary_emb=_rotary(raw),
        layers=[
            _layer(tensors, f"model.layers.{number}", linears[number * len(_JOINED) :])
            for number in range(config.num_hidden_layers)
        ],
    )
    return StreamedModel(config, core, head, packed)


def _matrix(tensors: Mapping[str, StoredTensor], block: str, names: tuple[str, ...], bits: int) -> _Matrix:
    parts = [tensors[f"{block}.{name}.weight"] for name in names]
    biases = [tensors[key] for name in names if (key := f"{block}.{name}.bias") in tensors]
    if len(biases) not in {0, len(parts)}:
        raise ValueError(f"{block} has a bias in some parts only")
    return _Matrix(parts, biases, bits)


def _layer(tensors: Mapping[str, StoredTensor], name: str, linears: list[Any]) -> Any:
    layer = SimpleNamespace(self_attn=SimpleNamespace(), mlp=SimpleNamespace())
    for (block, joined, _), linear in zip(_JOINED, linears, strict=False):
        setattr(getattr(layer, block), joined, linear)
    for norm in _NORMS:
        setattr(layer, norm, _norm(tensors, f"{name}.{norm}"))
    for norm in ("q_norm", "k_norm"):
        if f"{name}.self_attn.{norm}.weight" in tensors:
            setattr(layer.self_attn, norm, _norm(tensors, f"{name}.self_attn.{norm}"))
    return layer


def _norm(tensors: Mapping[str, StoredTensor], name: str) -> Any:
    return SimpleNamespace(weight=tensors[f"{name}.weight"].read().bfloat16())


def _rotary(config: dict[str, Any]) -> Rotary:
    rope = config.get("rope_parameters") or {}
    width = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    return Rotary(width, float(rope.get("rope_theta") or config.get("rope_theta") or _BASE))
