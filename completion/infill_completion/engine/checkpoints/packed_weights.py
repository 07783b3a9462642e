"""Load a Llama-like model for the CPU straight into packed weights, without transformers and never held whole.

The source is a checkpoint in safetensors or a GGUF file.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor

from infill_completion.catalog import FAMILIES, ModelShape
from infill_completion.engine import memory
from infill_completion.engine.checkpoints.adapters import Adapter, Readable, taught_adapter
from infill_completion.engine.checkpoints.gguf.blocks import IN_GROUPS
from infill_completion.engine.checkpoints.gguf.contents import places
from infill_completion.engine.checkpoints.gguf.loading import config_of, opened, rotary_of
from infill_completion.engine.checkpoints.gguf.tensors import GgufTensor
from infill_completion.engine.checkpoints.matrices import HEAD_NORMS, Block, blocks_of, check_biases, check_shapes
from infill_completion.engine.checkpoints.modules import Rotary
from infill_completion.engine.checkpoints.modules import rotary_of as rotary_of_config
from infill_completion.engine.checkpoints.precision import Weights
from infill_completion.engine.checkpoints.tensor_files import StoredTensor, stored_tensors
from infill_completion.engine.checkpoints.weights import tensor_sizes, weight_files
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model import huge_pages, int4, int8
from infill_completion.engine.model.architecture import architecture_of
from infill_completion.engine.model.int4 import Groups, Int4Linear
from infill_completion.engine.model.int8 import Int8Linear
from infill_completion.engine.model.native.step import suits_head

environment.prepare()

_EMBEDDINGS, _HEAD = "model.embed_tokens.weight", "lm_head.weight"
_NORMS = ("input_layernorm", "post_attention_layernorm")


class StreamedModel(NamedTuple):
    """The parts of a transformers model that the decoder reads, with packed matrices.

    Attributes:
        config: The configuration.
        model: Embeddings, layers, norm and rotary tables.
        lm_head: The head.
        packed: The packed matrices.
        is_taught: Whether the package has taught it.
    """

    config: Any
    model: Any
    lm_head: Any
    packed: list[Tensor]
    is_taught: bool = False

    def parameters(self) -> Iterator[Tensor]:
        """Return the packed matrices, which are nearly all of the model."""
        return iter(self.packed)


class Source(NamedTuple):
    """What is loaded.

    Attributes:
        config: The configuration.
        tensors: The tensors by the names of transformers.
        rotary: Makes the rotary tables.
        is_four_bit: Whether most of the weights are in groups of 4 bits already, so that the others are as precise on
            purpose.
        is_taught: Whether the tensors are as the package has taught them.
    """

    config: Any
    tensors: Mapping[str, Readable]
    rotary: Rotary
    is_four_bit: bool = False
    is_taught: bool = False


class _Matrix(NamedTuple):
    """Matrices with the same inputs, one below the other."""

    parts: list[Readable]
    biases: list[Readable]
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
        for part in self.parts:
            for rows in part.parts():
                end = start + len(rows)
                packed[start:end], scale[start:end] = int8.rounded(rows.bfloat16())
                start = end
        return Int8Linear.of(packed, scale, bias)

    def _pack_groups(self, packed: Tensor) -> None:
        rest: Groups | None = None
        tile = 0
        for part in self.parts:
            for rows in part.groups():
                both = rows if rest is None else rest.joined(rows)
                whole = len(both.numbers) // int4.GROUP_OUTPUTS
                end = whole * int4.GROUP_OUTPUTS
                if whole:
                    packed[tile : tile + whole] = int4.packed_tiles(both.part(0, end))
                rest = None if end == len(both.numbers) else both.part(end, len(both.numbers))
                tile += whole
        if rest is not None:
            packed[tile:] = int4.packed_tiles(rest)


def weights_of(path: Path) -> Weights:
    """Return what the choice of a quantization has to know about a checkpoint or a GGUF file.

    Raises:
        ModelError: A GGUF file is damaged, or holds a model that is not supported.
    """
    if path.is_file():
        _, description = opened(path)
        shape, has_groups = description.shape, description.stored_as in IN_GROUPS
        return Weights(
            shape.linear_weights, is_gguf=True, is_packable=suits_head(shape.head_dim), has_groups=has_groups
        )
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        shape = ModelShape.of(config)
        if not can_stream(path):
            return Weights(shape.linear_weights)
        tensor_sizes(path)  # raises if a header is damaged
        return Weights(
            shape.linear_weights,
            is_packable=suits_head(shape.head_dim),
            has_groups=_has_groups(stored_tensors(weight_files(path)), config["model_type"]),
        )
    except (ModelError, OSError, LookupError, ValueError, TypeError, AttributeError, RecursionError, struct.error):
        return Weights()  # loading it says what is wrong


def _has_groups(tensors: Mapping[str, StoredTensor], family: str) -> bool:
    """Return whether most weights of the first layer are in groups of 4 bits."""
    blocks = blocks_of(family)
    matrices = [tensors[f"model.layers.0.{block.module}.{name}.weight"] for block in blocks for name in block.names]
    return sum(math.prod(each.shape) * (1 if each.has_groups else -1) for each in matrices) > 0


def can_stream(folder: Path) -> bool:
    """Return whether :func:`load_packed` supports the checkpoint: whole weights and known rotary embeddings.

    Raises:
        ModelError: The model computes something that the decoder does not.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config.get("model_type") not in FAMILIES or config.get("quantization_config"):
        return False
    architecture_of(config)
    return rotary_of_config(config) is not None


def load_packed(
    path: Path, bits: int, progress: Callable[[float], None] = lambda share: None, adapter: Adapter | None = None
) -> StreamedModel:
    """Load a checkpoint that :func:`can_stream` accepts, or a GGUF file.

    Args:
        path: Folder of the checkpoint, or the file.
        bits: Of the matrices in the layers, 8 or 4.  Head and embeddings have 8, and a tied head serves as the
            embeddings; so have, where most matrices are in groups of 4 bits already, those that are not.
        progress: Called with the share that is loaded, from 0 to 1.
        adapter: What the model has learned.

    Raises:
        ForeignAdapterError: The adapter is another model's.
        KeyError: A tensor is missing.
        ModelError: A GGUF file is damaged, or holds a model that is not supported.
        ValueError: A file is damaged.
    """
    threads = torch.get_num_threads()
    # Parts are small: threads that wait for one another take ten times as long beside a busy neighbour.
    torch.set_num_threads(1)
    try:
        source = source_of(path)
        tensors = source.tensors if adapter is None else adapter.applied(source.tensors)
        return _packed(source._replace(tensors=tensors), bits, progress)
    finally:
        torch.set_num_threads(threads)


def source_of(path: Path, *, taught: bool = True) -> Source:
    """Return the tensors of a checkpoint or a GGUF file, as the package teaches it unless ``taught`` is False.

    Raises:
        ModelError: It is damaged, or holds a model that is not supported.
    """
    source = _gguf(path) if path.is_file() else _safetensors(path)
    lessons = taught_adapter(path) if taught else None
    return source if lessons is None else source._replace(tensors=lessons.applied(source.tensors), is_taught=True)


def _safetensors(folder: Path) -> Source:
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    raw["num_key_value_heads"] = raw.get("num_key_value_heads") or raw["num_attention_heads"]
    tensors = stored_tensors(weight_files(folder))
    check_shapes(raw, {name: tensor.shape for name, tensor in tensors.items()})
    check_biases(raw, tensors)
    rotary = rotary_of_config(raw)
    assert rotary is not None  # see can_stream
    return Source(SimpleNamespace(**raw), tensors, rotary, _has_groups(tensors, raw["model_type"]))


def _gguf(path: Path) -> Source:
    file, description = opened(path)
    tensors = {place.name: GgufTensor(path, place) for place in places(file, description)}
    return Source(config_of(description), tensors, rotary_of(file, description), description.stored_as in IN_GROUPS)


def _packed(source: Source, bits: int, progress: Callable[[float], None]) -> StreamedModel:
    config, tensors = source.config, source.tensors
    blocks = blocks_of(config.model_type)
    matrices = [_matrix(source, f"model.layers.{layer}.{block.module}", block.names, bits)
                for layer in range(config.num_hidden_layers) for block in blocks]  # fmt: skip
    is_tied = _HEAD not in tensors
    matrices += [_Matrix([tensors[name]], [], 8) for name in ((_EMBEDDINGS,) if is_tied else (_HEAD, _EMBEDDINGS))]
    packed = huge_pages.block([matrix.packed_shape for matrix in matrices])
    linears: list[Any] = []
    for number, (matrix, part) in enumerate(zip(matrices, packed, strict=True), 1):
        linears.append(matrix.read(part))
        _check_finite(linears[-1])
        memory.return_free()
        progress(number / len(matrices))
    embeddings = linears.pop()
    head = embeddings if is_tied else linears.pop()
    core = SimpleNamespace(
        embed_tokens=embeddings,
        norm=_norm(tensors, "model.norm"),
        rotary_emb=source.rotary,
        layers=[
            _layer(tensors, f"model.layers.{number}", linears[number * len(blocks) :], blocks)
            for number in range(config.num_hidden_layers)
        ],
    )
    return StreamedModel(config, core, head, packed, source.is_taught)


def _matrix(source: Source, block: str, names: tuple[str, ...], bits: int) -> _Matrix:
    parts = [source.tensors[f"{block}.{name}.weight"] for name in names]
    biases = [source.tensors[key] for name in names if (key := f"{block}.{name}.bias") in source.tensors]
    if len(biases) not in {0, len(parts)}:
        raise ValueError(f"{block} has a bias in some parts only")
    is_precise = source.is_four_bit and not all(part.has_groups for part in parts)
    return _Matrix(parts, biases, 8 if is_precise else bits)


def _layer(tensors: Mapping[str, Readable], name: str, linears: list[Any], blocks: Sequence[Block]) -> Any:
    layer = SimpleNamespace(self_attn=SimpleNamespace(), mlp=SimpleNamespace())
    for block, linear in zip(blocks, linears, strict=False):
        setattr(getattr(layer, block.module), block.joined, linear)
    for norm in _NORMS:
        setattr(layer, norm, _norm(tensors, f"{name}.{norm}"))
    for norm in HEAD_NORMS:
        if f"{name}.self_attn.{norm}.weight" in tensors:
            setattr(layer.self_attn, norm, _norm(tensors, f"{name}.self_attn.{norm}"))
    return layer


def _check_finite(linear: Int8Linear | Int4Linear) -> None:
    """Raise ModelError if weights are no numbers; the two of each group tell, in a hundredth of the time of loading."""
    if isinstance(linear, Int4Linear):
        numbers = linear.weight[..., : 4 * int4.GROUP_OUTPUTS].contiguous().view(torch.float16)
    else:
        numbers = linear.scale
    if not all(part is None or part.float().sum().isfinite() for part in (numbers, linear.bias)):
        raise ModelError("The model is damaged: some of its weights are no numbers; fetch it again.")


def _norm(tensors: Mapping[str, Readable], name: str) -> Any:
    bias = tensors.get(f"{name}.bias")
    weight = tensors[f"{name}.weight"].read().float()
    if not weight.isfinite().all() or not weight.any():  # zeros are what a download has not written yet
        raise ModelError(f"The model is damaged: {name} has no numbers; fetch it again.")
    return SimpleNamespace(weight=weight, bias=None if bias is None else bias.read().float())
