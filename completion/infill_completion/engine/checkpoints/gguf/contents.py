"""What a GGUF file of a supported model holds, tensor by tensor, under the names of transformers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from infill_completion.catalog.gguf import Description, GgufFile, TensorEntry
from infill_completion.engine.checkpoints.gguf.blocks import DEQUANTIZE
from infill_completion.engine.errors import ModelError

# Factors of the rotary wavelengths (Llama 3.1), which no tensor of transformers holds.
ROPE_FACTORS = "rope_freqs.weight"
# The architectures in which llama.cpp rotates neighbouring pairs where transformers rotates halves.
_PAIRED = ("llama", "granite")


class Place(NamedTuple):
    """A tensor of a model and its place in a file.

    Attributes:
        name: Its name in transformers.
        entry: Its place.
        paired_width: Width of the heads whose rows are in pairs in the file and in halves in transformers; 0 for none.
    """

    name: str
    entry: TensorEntry
    paired_width: int = 0


def places(file: GgufFile, description: Description) -> list[Place]:
    """Return the tensors of a model; a weight is followed by its bias.

    Raises:
        ModelError: A tensor is missing, has another shape than the metadata say, is stored in a way that is not
            supported, or means something that is not known here.
    """
    found, known = [], {ROPE_FACTORS}
    if description.shape.layers > len(file.tensors):
        raise ModelError(f"{file.path.name} lacks tensors; fetch the file again.")
    for theirs, place_name, shape, is_needed, width in _expected(description):
        entry = file.tensors.get(theirs)
        if entry is None:
            if is_needed:
                raise ModelError(f"{file.path.name} lacks the tensor {theirs}; fetch the file again.")
            continue
        if entry.shape != shape:
            raise ModelError(f"In {file.path.name} the tensor {theirs} has the wrong shape; fetch the file again.")
        known.add(theirs)
        found.append(Place(place_name, entry, width if description.architecture in _PAIRED else 0))
    for theirs, entry in file.tensors.items():
        if theirs not in known:
            raise ModelError(
                f"{file.path.name} has a tensor that is not known here (`{theirs[:60]!a}`); choose another model."
            )
        if entry.type.name not in DEQUANTIZE:
            raise ModelError(
                f"{file.path.name} holds weights as {entry.type.name}, which is not supported; choose a file in one of "
                f"{', '.join(DEQUANTIZE)}."
            )
    return found


def _expected(description: Description) -> Iterator[tuple[str, str, tuple[int, ...], bool, int]]:
    """Yield the names of each tensor in the file and in transformers, its shape, whether it is needed, its heads."""
    shape, width = description.shape, description.shape.head_dim
    queries, keys = shape.heads * width, shape.kv_heads * width
    hidden, wide = shape.hidden, shape.intermediate
    yield "token_embd.weight", "model.embed_tokens.weight", (shape.vocab, hidden), True, 0
    rows = (
        ("attn_norm", "input_layernorm", (hidden,), 0),
        ("attn_q", "self_attn.q_proj", (queries, hidden), width),
        ("attn_k", "self_attn.k_proj", (keys, hidden), width),
        ("attn_v", "self_attn.v_proj", (keys, hidden), 0),
        ("attn_output", "self_attn.o_proj", (hidden, queries), 0),
        ("ffn_norm", "post_attention_layernorm", (hidden,), 0),
        *(("ffn_gate", "mlp.gate_proj", (wide, hidden), 0) for _ in range(shape.gated)),
        ("ffn_up", "mlp.up_proj" if shape.gated else "mlp.c_fc", (wide, hidden), 0),
        ("ffn_down", "mlp.down_proj" if shape.gated else "mlp.c_proj", (hidden, wide), 0),
    )
    for layer in range(shape.layers):
        for theirs, ours, size, paired in rows:
            yield f"blk.{layer}.{theirs}.weight", f"model.layers.{layer}.{ours}.weight", size, True, paired
            if not ours.endswith("layernorm"):
                bias = size[:1]
                yield f"blk.{layer}.{theirs}.bias", f"model.layers.{layer}.{ours}.bias", bias, False, paired
            elif not shape.gated:
                yield f"blk.{layer}.{theirs}.bias", f"model.layers.{layer}.{ours}.bias", size, True, paired
        for theirs, ours in (("attn_q_norm", "q_norm"), ("attn_k_norm", "k_norm")):
            if description.architecture == "qwen3":
                yield f"blk.{layer}.{theirs}.weight", f"model.layers.{layer}.self_attn.{ours}.weight", (width,), True, 0
    yield "output_norm.weight", "model.norm.weight", (hidden,), True, 0
    if not shape.gated:
        yield "output_norm.bias", "model.norm.bias", (hidden,), True, 0
    yield "output.weight", "lm_head.weight", (shape.vocab, hidden), False, 0
