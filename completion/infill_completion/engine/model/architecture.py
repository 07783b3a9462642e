"""What a model computes, by its ``config.json``: everything in which the supported families differ.

A configuration that asks for anything else is refused, because a model that computes something else than it was trained
for writes nonsense.  Sources: the modules of the families in transformers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infill_completion.catalog.shape import FAMILIES
from infill_completion.engine.errors import ModelError

# Names of the same functions in transformers.
_SILU, _GELU_TANH = ("silu", "swish"), ("gelu_pytorch_tanh", "gelu_new")
# Scalings whose tables depend on positions only, and those that do up to the length of training.
_ROPE_FIXED, _ROPE_UP_TO_LENGTH = ("default", "linear", "llama3", "yarn"), ("dynamic", "longrope")
# Numbers that other families multiply by or cap at.  The families here ignore them, so a configuration that sets one
# is not that of such a model.
_FOREIGN = ("attn_logit_softcapping", "final_logit_softcapping", "query_pre_attn_scalar")
_GRANITE = ("embedding_multiplier", "residual_multiplier", "attention_multiplier", "logits_scaling")
# The window of a Mistral whose configuration names none.
_MISTRAL_WINDOW = 4096


@dataclass(frozen=True)
class Architecture:
    """What a model computes.

    Attributes:
        family: Its ``model_type``.
        eps: What its norms add to the mean square or to the variance.
        is_gated: Whether the feed-forward part is ``silu(gate) * up``; else it is the approximation of GELU by tanh.
        window: Tokens that a token attends to, itself among them; None for all.
        attention_scale: What the products of queries and keys are multiplied by.
        embedding_factor: What embeddings are multiplied by.
        residual_factor: What a block's result is multiplied by before it is added to the residual stream.
        logits_divisor: What the logits are divided by.
    """

    family: str
    eps: float
    is_gated: bool
    window: int | None
    attention_scale: float
    embedding_factor: float = 1.0
    residual_factor: float = 1.0
    logits_divisor: float = 1.0

    @property
    def is_plain(self) -> bool:
        """Whether the layers are Llama's: gated, normed by the root mean square, and without factors."""
        factors = (self.embedding_factor, self.residual_factor, self.logits_divisor)
        return self.family != "granite" and self.is_gated and factors == (1.0, 1.0, 1.0)


def entries_of(config: Any) -> dict[str, Any]:
    """Return the entries of a configuration of transformers, or of a namespace with the same names."""
    return dict(config.to_dict()) if hasattr(config, "to_dict") else dict(vars(config))


def architecture_of(config: Mapping[str, Any], capacity: int = 0) -> Architecture:
    """Return what the model with a configuration computes.

    Args:
        config: The entries of its ``config.json``.
        capacity: Longest text that it will read.

    Raises:
        ModelError: It computes something that is not supported.
    """
    family = str(config.get("model_type"))
    if family not in FAMILIES:
        raise ModelError(
            f"Models of type `{family[:40]}` are not supported; choose a CodeLlama checkpoint or `embedded`."
        )
    is_gated = family != "starcoder2"
    _check_activation(config, family, is_gated)
    _check_rotary(config, family, capacity)
    foreign = dict.fromkeys(_FOREIGN, 0) | ({} if family == "granite" else dict.fromkeys(_GRANITE, 1))
    for name, neutral in foreign.items():
        if config.get(name) not in (None, neutral):
            raise _unsupported(family, f"has `{name}`")
    for name, usual in (("norm_type", "layer_norm"), ("mlp_type", "default")):
        if family == "starcoder2" and config.get(name, usual) != usual:
            raise _unsupported(family, f"has the {name} `{str(config[name])[:40]}`")
    window = window_of(config)
    if window is not None and capacity > window:
        raise ModelError(
            f"The model sees {window} tokens at a time, and {capacity} are asked for; lower engine.context_tokens."
        )
    width = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    factors = [float(config.get(name) or 1.0) if family == "granite" else 1.0 for name in _GRANITE]
    return Architecture(
        family, float(config["rms_norm_eps" if is_gated else "norm_epsilon"]), is_gated, window,
        factors[2] if family == "granite" else width**-0.5,
        embedding_factor=factors[0], residual_factor=factors[1], logits_divisor=factors[3],
    )  # fmt: skip


def window_of(config: Mapping[str, Any]) -> int | None:
    """Return how many tokens a token attends to, itself among them; None for all.

    Within its window a model computes what it would compute without one, so prompts are kept that short.
    """
    family = config.get("model_type")
    if family in {"qwen2", "qwen3"} and not config.get("use_sliding_window"):
        return None
    window = config.get("sliding_window", _MISTRAL_WINDOW if family == "mistral" else None)
    if window is None:
        return None
    if type(window) is not int or window < 1:
        raise _unsupported(str(family), f"has the sliding window `{str(window)[:40]}`")
    return window


def biased(config: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the linear layers that have biases, as transformers calls them."""
    family, attention, inner = config.get("model_type"), ("q_proj", "k_proj", "v_proj"), list[str]()
    if family == "qwen2":
        return frozenset(attention)
    if family == "starcoder2":
        return frozenset((*attention, "o_proj", "c_fc", "c_proj")) if config.get("use_bias", True) else frozenset()
    if config.get("attention_bias") and family != "mistral":
        inner += (*attention, "o_proj")
    if config.get("mlp_bias") and family in {"llama", "granite"}:
        inner += ("gate_proj", "up_proj", "down_proj")
    return frozenset(inner)


def _check_activation(config: Mapping[str, Any], family: str, is_gated: bool) -> None:
    known = _SILU if is_gated else _GELU_TANH
    activation = config.get("hidden_act") or known[0]
    if activation not in known:
        raise _unsupported(family, f"has the activation `{str(activation)[:40]}` instead of `{known[0]}`")


def _check_rotary(config: Mapping[str, Any], family: str, capacity: int) -> None:
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(rope, Mapping) or any(isinstance(part, Mapping) for part in rope.values()):
        raise _unsupported(family, f"scales its positions as `{str(rope)[:40]}`")
    kind = rope.get("rope_type", rope.get("type", "default"))
    lengths = (rope.get("original_max_position_embeddings"), config.get("original_max_position_embeddings"))
    longest = next(filter(None, lengths), config.get("max_position_embeddings") or 0)
    if kind not in _ROPE_FIXED and not (kind in _ROPE_UP_TO_LENGTH and capacity <= longest):
        raise _unsupported(family, f"scales its positions by `{str(kind)[:40]}`")
    part = rope.get("partial_rotary_factor") or config.get("partial_rotary_factor") or 1.0
    if part != 1.0:
        raise _unsupported(family, f"rotates a share of {part} of each head only")


def _unsupported(family: str, what: str) -> ModelError:
    return ModelError(f"This {family} model {what}, which is not supported; choose another model.")
