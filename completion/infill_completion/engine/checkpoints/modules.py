"""Builds, from named tensors, the modules that the decoder reads of a transformers model, without transformers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor, nn

environment.prepare()

_BASE = 10_000.0  # of rotary embeddings where a configuration names none


class Rotary(nn.Module):
    """Rotary tables (Su et al. 2021, arXiv 2104.09864), halves side by side as in Llama.

    Args:
        width: Width of a head.
        base: Longest wavelength divided by 2 pi.
        factors: What the wavelengths are multiplied by: one number, or one for each, ``(width / 2,)``.
    """

    def __init__(self, width: int, base: float, factors: Tensor | float = 1.0) -> None:
        super().__init__()
        self._frequencies = 1.0 / base ** (torch.arange(0, width, 2).float() / width) / factors

    def forward(self, like: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosines and sines ``(rows, positions, width)`` in the type of ``like`` for ``(rows, positions)``."""
        angles = positions[..., None].float() * self._frequencies.to(positions.device)
        angles = torch.cat((angles, angles), -1)
        return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def rotary_of(config: Mapping[str, Any]) -> Rotary | None:
    """Return the rotary tables for a ``config.json``, or None if it scales positions in a way that is not known here.

    Sources: ``modeling_rope_utils.py`` of transformers for the scalings and the names of both generations.
    """
    try:
        return _rotary(config, config.get("rope_parameters") or config.get("rope_scaling") or {})
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError):
        return None


def _rotary(config: Mapping[str, Any], rope: Mapping[str, Any]) -> Rotary | None:
    base = float(rope.get("rope_theta") or config.get("rope_theta") or _BASE)
    width = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return Rotary(width, base)
    if kind == "linear":
        return Rotary(width, base, float(rope["factor"]))
    return Rotary(width, base, _llama3_factors(rope, width, base)) if kind == "llama3" else None


def _llama3_factors(rope: Mapping[str, Any], width: int, base: float) -> Tensor:
    """Return the factors of Llama 3.1: none for short wavelengths, the whole factor for long ones, and between."""
    factor, low, high = (float(rope[name]) for name in ("factor", "low_freq_factor", "high_freq_factor"))
    wavelengths = 2 * math.pi * base ** (torch.arange(0, width, 2).float() / width)
    turns = float(rope["original_max_position_embeddings"]) / wavelengths
    share = ((turns - low) / (high - low)).clamp(0, 1)
    return 1 / (share + (1 - share) / factor)


def causal_model(config: SimpleNamespace, rotary: Rotary, weights: Iterable[tuple[str, Tensor]]) -> nn.Module:
    """Return the parts of a ``LlamaForCausalLM`` that the decoder reads: ``config``, ``model`` and ``lm_head``.

    Args:
        config: The entries of a ``config.json``.
        rotary: The rotary tables.
        weights: Its tensors by the names of transformers, a weight before its bias.
    """
    root: Any = nn.Module()
    root.config = config
    root.model = nn.Module()
    root.model.layers = nn.ModuleList(nn.Module() for _ in range(config.num_hidden_layers))
    root.model.rotary_emb = rotary
    for name, tensor in weights:
        _attach(root, name, nn.Parameter(tensor, requires_grad=False))
    if config.tie_word_embeddings:
        root.lm_head = _linear(root.model.embed_tokens.weight)
    module: nn.Module = root
    return module.eval().requires_grad_(False)


def _attach(root: nn.Module, name: str, parameter: nn.Parameter) -> None:
    """Attach a tensor to the module that its dotted name names, and create modules on the way."""
    *path, owner, kind = name.split(".")
    module = root
    for part in path:
        if part not in module._modules:
            module.add_module(part, nn.Module())
        module = module.get_submodule(part)
    if kind == "bias":
        module.get_submodule(owner).register_parameter("bias", parameter)
    elif owner.endswith(("_proj", "c_fc")) or owner == "lm_head":
        module.add_module(owner, _linear(parameter))
    else:
        holder = nn.Module()
        holder.register_parameter(kind, parameter)
        module.add_module(owner, holder)


def _linear(weight: nn.Parameter) -> nn.Linear:
    rows, columns = weight.shape
    linear = nn.Linear(columns, rows, bias=False, device="meta")
    linear.weight = weight
    return linear
