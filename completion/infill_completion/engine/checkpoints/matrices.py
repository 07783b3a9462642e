"""The matrices of a layer: their names and shapes in a checkpoint, and which of them have biases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from infill_completion.catalog import ModelShape
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model.architecture import biased


class Block(NamedTuple):
    """Matrices that are multiplied by the same numbers.

    Attributes:
        module: The module that holds them.
        joined: The name of all of them, one below the other.
        names: Their names.
    """

    module: str
    joined: str
    names: tuple[str, ...]


_ATTENTION = (
    Block("self_attn", "qkv_proj", ("q_proj", "k_proj", "v_proj")),
    Block("self_attn", "o_proj", ("o_proj",)),
)
_GATED = (Block("mlp", "gate_up_proj", ("gate_proj", "up_proj")), Block("mlp", "down_proj", ("down_proj",)))
# Norms of the queries and keys of each head, and the families that have them.
HEAD_NORMS, _WITH_HEAD_NORMS = ("q_norm", "k_norm"), frozenset({"qwen3"})
_WITHOUT_GATE = (Block("mlp", "c_fc", ("c_fc",)), Block("mlp", "c_proj", ("c_proj",)))


def blocks_of(family: str) -> tuple[Block, ...]:
    """Return the four blocks of each layer of a family, in the order in which a step reads them."""
    return (*_ATTENTION, *(_WITHOUT_GATE if family == "starcoder2" else _GATED))


def check_biases(config: Mapping[str, Any], tensors: Collection[str]) -> None:
    """Check that a checkpoint has the biases that its ``config.json`` says, which is how transformers reads it.

    Raises:
        ModelError: It has others.
    """
    expected, family = biased(config), config["model_type"]
    foreign = [] if family == "starcoder2" else [name for name in tensors if name.endswith("norm.bias")]
    if family not in _WITH_HEAD_NORMS:
        foreign += [name for name in tensors if name.endswith(tuple(f"{norm}.weight" for norm in HEAD_NORMS))]
    if foreign:
        raise ModelError(
            f"The model has the tensor {min(foreign)[:80]}, other than its configuration says; choose another model, "
            "or fetch it again."
        )
    for layer in range(config["num_hidden_layers"]):
        for block in blocks_of(config["model_type"]):
            for name in block.names:
                key = f"model.layers.{layer}.{block.module}.{name}.bias"
                if (key in tensors) != (name in expected):
                    lacks = "lacks" if name in expected else "has"
                    raise ModelError(
                        f"The model {lacks} the tensor {key}, other than its configuration says; choose another model, "
                        "or fetch it again."
                    )


def check_shapes(config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Check that a checkpoint has the weights that its ``config.json`` says.

    Raises:
        ModelError: One is missing or has another shape.
    """
    for name, expected in _weights(config):
        found = shapes.get(name)
        if found is None and name == "lm_head.weight" and ModelShape.of(config).tied:
            continue
        if found is None:
            raise ModelError(f"The model lacks the tensor {name}; choose another model, or fetch it again.")
        if found != expected:
            raise ModelError(
                f"The tensor {name} has the shape {_written(found)} instead of {_written(expected)}, which the "
                "configuration says; choose another model, or fetch it again."
            )


def _weights(config: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the name and the shape of each weight, layer by layer."""
    shape = ModelShape.of(config)
    hidden, wide, width = shape.hidden, shape.intermediate, shape.head_dim
    outputs = {
        "q_proj": shape.heads * width, "k_proj": shape.kv_heads * width, "v_proj": shape.kv_heads * width,
        "gate_proj": wide, "up_proj": wide, "c_fc": wide,
    }  # fmt: skip
    inputs = {"o_proj": shape.heads * width, "down_proj": wide, "c_proj": wide}
    for name in ("model.embed_tokens", "lm_head"):
        yield f"{name}.weight", (shape.vocab, hidden)
    for layer in range(shape.layers):
        for block in blocks_of(config["model_type"]):
            for name in block.names:
                size = outputs.get(name, hidden), inputs.get(name, hidden)
                yield f"model.layers.{layer}.{block.module}.{name}.weight", size
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield f"model.layers.{layer}.{name}.weight", (hidden,)
        for name in HEAD_NORMS if config["model_type"] in _WITH_HEAD_NORMS else ():
            yield f"model.layers.{layer}.self_attn.{name}.weight", (width,)
    yield "model.norm.weight", (hidden,)


def _written(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape[:4])) or "1"
