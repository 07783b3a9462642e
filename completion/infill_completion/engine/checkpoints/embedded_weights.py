"""Load the embedded model's weights without importing transformers, under the names that transformers gives them.

For a model of nine million parameters that import takes longer than everything else in the engine's start, and a third
of its memory.  The decoder needs only the weights and the rotary tables.  transformers loads every other checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

environment.prepare()


class Rotary(nn.Module):
    """Rotary tables (Su et al. 2021, arXiv 2104.09864), halves side by side as in Llama.

    Args:
        width: Width of a head.
        base: Longest wavelength divided by 2 pi.
    """

    def __init__(self, width: int, base: float) -> None:
        super().__init__()
        self._frequencies = 1.0 / base ** (torch.arange(0, width, 2).float() / width)

    def forward(self, like: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosines and sines ``(rows, positions, width)`` in the type of ``like`` for ``(rows, positions)``."""
        angles = positions[..., None].float() * self._frequencies
        angles = torch.cat((angles, angles), -1)
        return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def load_llama(folder: Path, dtype: torch.dtype) -> nn.Module:
    """Return the parts of a ``LlamaForCausalLM`` that the decoder reads: ``config``, ``model`` and ``lm_head``.

    Args:
        folder: Holds ``model.safetensors`` and the ``config.json`` of a Llama with plain rotary embeddings, without
            biases.
        dtype: Type of the weights.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights = load_file(folder / "model.safetensors")
    root: Any = nn.Module()
    root.config = SimpleNamespace(**config)
    root.model = nn.Module()
    root.model.layers = nn.ModuleList(nn.Module() for _ in range(config["num_hidden_layers"]))
    root.model.rotary_emb = Rotary(config["head_dim"], config["rope_parameters"]["rope_theta"])
    _attach(root, weights, dtype)
    if config["tie_word_embeddings"]:
        root.lm_head = _linear(root.model.embed_tokens.weight)
    module: nn.Module = root
    return module.eval().requires_grad_(False)


def _attach(root: nn.Module, weights: Mapping[str, Tensor], dtype: torch.dtype) -> None:
    """Attach each tensor to the module that its dotted name names, and create modules on the way."""
    for name, tensor in weights.items():
        *path, owner, _ = name.split(".")
        module = root
        for part in path:
            if part not in module._modules:
                module.add_module(part, nn.Module())
            module = module.get_submodule(part)
        weight = nn.Parameter(tensor.to(dtype), requires_grad=False)
        if owner.endswith("_proj") or owner == "lm_head":
            module.add_module(owner, _linear(weight))
        else:
            holder = nn.Module()
            holder.register_parameter("weight", weight)
            module.add_module(owner, holder)


def _linear(weight: nn.Parameter) -> nn.Linear:
    rows, columns = weight.shape
    linear = nn.Linear(columns, rows, bias=False, device="meta")
    linear.weight = weight
    return linear
