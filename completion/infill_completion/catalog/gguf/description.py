"""What a GGUF file says about its model, in the terms of a ``config.json``.

Source of the keys: ``docs/gguf.md`` in the repository of ggml.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from infill_completion.catalog.gguf.reader import GgufError, GgufFile, Value, printable
from infill_completion.catalog.shape import ModelShape

# llama.cpp's name of an architecture and transformers' name of it.  Mistral's is among Llama's.
ARCHITECTURES = {"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "granite": "granite", "starcoder2": "starcoder2"}
# All models of the family see that many tokens (arXiv 2402.19173, section 4), which no key says.
_STARCODER2_WINDOW = 4096
# Keys of numbers that change what a model computes, and which values change nothing.
_FOREIGN: dict[str, tuple[Value, ...]] = {
    "attn_logit_softcapping": (0.0,), "final_logit_softcapping": (0.0,), "use_parallel_residual": (False,),
    "attention.causal": (True,), "rope.scaling.finetuned": (True,),
}  # fmt: skip
_GRANITE: dict[str, tuple[Value, ...]] = {
    "embedding_scale": (0.0, 1.0), "residual_scale": (0.0, 1.0), "logit_scale": (0.0, 1.0), "attention.scale": (0.0,),
}  # fmt: skip
_MAX_SIZE = 1 << 24
_QUANTISATION = re.compile(r"[-._](I?Q\d\w*|B?F16|F32|FP16)$", re.IGNORECASE)


@dataclass(frozen=True)
class Description:
    """What a GGUF file says about its model.

    Attributes:
        names: Names of the model, most specific first: the file's, its own, and those of what it was made from.
        architecture: Its architecture, as transformers calls it.
        shape: Its shape.
        stored_as: The type of most of its weights, such as ``Q4_K``.
        context_tokens: Longest text that it was trained on.
        norm_epsilon: What its norms add to the mean square.
        rope_base: Longest wavelength of its rotary embeddings, divided by 2 pi.
        rope_factor: By how much positions are compressed.
        window: Tokens that a token attends to, itself among them; None for all.
        factors: Granite's multipliers, by their names in a ``config.json``.
    """

    names: tuple[str, ...]
    architecture: str
    shape: ModelShape
    stored_as: str
    context_tokens: int
    norm_epsilon: float
    rope_base: float
    rope_factor: float
    window: int | None = None
    factors: Mapping[str, float] = field(default_factory=dict)


def describe(file: GgufFile) -> Description:
    """Return what a file says about its model.

    Raises:
        GgufError: The model is of an unsupported kind, or what the file says is incomplete or contradictory.
    """
    keys = _Keys(file)
    architecture = keys.text("general.architecture")
    if architecture not in ARCHITECTURES:
        raise GgufError(
            f"{keys.name} holds a model of the kind `{printable(architecture, 40)}`, and only "
            f"{', '.join(ARCHITECTURES)} are supported; choose another model."
        )
    _check_plain(keys, architecture)
    heads = keys.size(f"{architecture}.attention.head_count")
    hidden = keys.size(f"{architecture}.embedding_length")
    width = keys.size(f"{architecture}.attention.key_length", hidden // heads)
    embedding = file.tensors.get("token_embd.weight")
    if embedding is None or len(embedding.shape) != 2:
        raise GgufError(f"{keys.name} has no embeddings; choose a file that holds a whole model.")
    shape = ModelShape(
        layers=keys.size(f"{architecture}.block_count"),
        hidden=hidden,
        intermediate=keys.size(f"{architecture}.feed_forward_length"),
        heads=heads,
        kv_heads=keys.size(f"{architecture}.attention.head_count_kv", heads),
        head_dim=width,
        vocab=embedding.shape[0],
        tied="output.weight" not in file.tensors,
        gated=architecture != "starcoder2",
    )
    rotated = keys.size(f"{architecture}.rope.dimension_count", width)
    valued = keys.size(f"{architecture}.attention.value_length", width)
    if shape.heads % shape.kv_heads or width % 2 or not width == rotated == valued:
        raise GgufError(f"The attention heads of {keys.name} are not supported; choose another model.")
    return Description(
        names=_names(file),
        architecture=ARCHITECTURES[architecture],
        shape=shape,
        stored_as=_stored_as(file),
        context_tokens=keys.size(f"{architecture}.context_length"),
        norm_epsilon=keys.positive(f"{architecture}.attention.layer_norm_{'rms_' if shape.gated else ''}epsilon", 1e-5),
        rope_base=keys.positive(f"{architecture}.rope.freq_base", 10_000.0),
        rope_factor=_rope_factor(keys, architecture),
        window=_window(keys, architecture),
        factors=_factors(keys, width) if architecture == "granite" else {},
    )


def _window(keys: _Keys, architecture: str) -> int | None:
    usual = _STARCODER2_WINDOW if architecture == "starcoder2" else 0
    return keys.whole(f"{architecture}.attention.sliding_window", usual) or None


def _factors(keys: _Keys, width: int) -> dict[str, float]:
    """Return Granite's multipliers; a missing one, or 0, means what it does in llama.cpp."""

    def factor(key: str, usual: float) -> float:
        written = keys.number(f"granite.{key}", usual)
        return written if written > 0 else usual

    return {
        "embedding_multiplier": factor("embedding_scale", 1.0),
        "residual_multiplier": factor("residual_scale", 1.0),
        "attention_multiplier": factor("attention.scale", width**-0.5),
        "logits_scaling": factor("logit_scale", 1.0),
    }


def _check_plain(keys: _Keys, architecture: str) -> None:
    """Raise if the file is a part of a model, or the model computes something that is not supported."""
    foreign = _FOREIGN if architecture == "granite" else _FOREIGN | _GRANITE
    for name, neutral in foreign.items():
        if (key := f"{architecture}.{name}") in keys and keys[key] not in neutral:
            raise GgufError(f"{keys.name} has `{key}`, which is not supported; choose another model.")
    if keys.whole("split.count", 1) > 1:
        raise GgufError(
            f"{keys.name} is one of several parts of a model; join them with `llama-gguf-split --merge`, and name the "
            "result in engine.model."
        )
    if keys.whole(f"{architecture}.expert_count", 0) > 0:
        raise GgufError(f"{keys.name} holds a model with experts, which is not supported; choose another model.")


def _rope_factor(keys: _Keys, architecture: str) -> float:
    """Return the factor of linear scaling, also from the key of older files."""
    older = keys.positive(f"{architecture}.rope.scale_linear", 1.0)
    kind = keys.text(f"{architecture}.rope.scaling.type", "none" if older == 1.0 else "linear")
    factor = keys.positive(f"{architecture}.rope.scaling.factor", older)
    if kind not in {"none", "linear"} and factor != 1.0:
        raise GgufError(
            f"{keys.name} scales its positions by `{printable(kind, 40)}`, which is not supported; choose another one."
        )
    return factor if kind == "linear" else 1.0


def _names(file: GgufFile) -> tuple[str, ...]:
    """Return the names of the model, without those that are empty."""
    stem = file.path.name.removesuffix(".gguf")
    own = [_QUANTISATION.sub("", stem), stem]
    written = [file.metadata.get(f"general.{key}") for key in ("name", "basename", "base_model.0.name")]
    return tuple(name for name in (*own, *written) if isinstance(name, str) and name)


def _stored_as(file: GgufFile) -> str:
    """Return the type of most weights in matrices."""
    values: Counter[str] = Counter()
    for entry in file.tensors.values():
        if len(entry.shape) > 1:
            values[entry.type.name] += entry.values
    return values.most_common(1)[0][0]


class _Keys:
    """The metadata of a file, checked."""

    def __init__(self, file: GgufFile) -> None:
        self._metadata = file.metadata
        self.name = printable(file.path.name)

    def __contains__(self, key: str) -> bool:
        return key in self._metadata

    def __getitem__(self, key: str) -> Value:
        return self._metadata[key]

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text."""
        value = self._metadata.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, value)
        return value

    def whole(self, key: str, default: int | None = None) -> int:
        """Return a whole number from 0 on."""
        value = self._metadata.get(key, default)
        if type(value) is not int or not 0 <= value <= _MAX_SIZE:
            raise self._wrong(key, value)
        return value

    def size(self, key: str, default: int | None = None) -> int:
        """Return a whole number from 1 on."""
        value = self.whole(key, default)
        if value == 0:
            raise self._wrong(key, value)
        return value

    def number(self, key: str, default: float) -> float:
        """Return a finite number from 0 on."""
        value = self._metadata.get(key, default)
        if type(value) not in {int, float} or not isinstance(value, int | float) or not 0 <= value < 1e30:
            raise self._wrong(key, value)
        return float(value)

    def positive(self, key: str, default: float) -> float:
        """Return a finite number above 0."""
        value = self.number(key, default)
        if value == 0:
            raise self._wrong(key, value)
        return value

    def _wrong(self, key: str, value: Value | None) -> GgufError:
        said = "lacks" if value is None else "has an unusable value for"
        return GgufError(f"{self.name} {said} `{printable(key)}`; fetch another file of the model.")
