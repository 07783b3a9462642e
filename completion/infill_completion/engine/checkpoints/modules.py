"""Builds, from named tensors, the modules that the decoder reads of a transformers model, without transformers."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor, nn

environment.prepare()


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
