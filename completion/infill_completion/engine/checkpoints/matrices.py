"""The matrices of a layer: their names in a checkpoint, and which of them have biases."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

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
_WITHOUT_GATE = (Block("mlp", "c_fc", ("c_fc",)), Block("mlp", "c_proj", ("c_proj",)))


def blocks_of(family: str) -> tuple[Block, ...]:
    """Return the four blocks of each layer of a family, in the order in which a step reads them."""
    return (*_ATTENTION, *(_WITHOUT_GATE if family == "starcoder2" else _GATED))


def check_biases(config: Mapping[str, Any], tensors: Collection[str]) -> None:
    """Check that a checkpoint has the biases that its ``config.json`` says, which is how transformers reads it.

    Raises:
        ModelError: It has others.
    """
    expected = biased(config)
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
