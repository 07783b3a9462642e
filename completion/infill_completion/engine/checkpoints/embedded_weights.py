"""Load the embedded model's weights without importing transformers, under the names that transformers gives them.

For a model as small as this, that import takes longer than everything else in the engine's start, and a third
of its memory.  The decoder needs only the weights and the rotary tables.  transformers loads all other safetensors.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from safetensors.torch import load_file
from torch import nn

from infill_completion.engine.checkpoints.adapters import Adapter
from infill_completion.engine.checkpoints.modules import Rotary, causal_model
from infill_completion.engine.checkpoints.tensor_files import stored_tensors

environment.prepare()


def load_llama(folder: Path, dtype: torch.dtype, adapter: Adapter | None = None) -> nn.Module:
    """Return the parts of a ``LlamaForCausalLM`` that the decoder reads: ``config``, ``model`` and ``lm_head``.

    Args:
        folder: Holds ``model.safetensors`` and the ``config.json`` of a Llama with plain rotary embeddings, without
            biases.
        dtype: Type of the weights.
        adapter: What the model has learned.

    Raises:
        ForeignAdapterError: The adapter is another model's.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    file = folder / "model.safetensors"
    if adapter is None:
        weights = load_file(file)
    else:
        weights = {name: tensor.read(dtype) for name, tensor in adapter.applied(stored_tensors([file])).items()}
    rotary = Rotary(config["head_dim"], config["rope_parameters"]["rope_theta"])
    return causal_model(
        SimpleNamespace(**config), rotary, ((name, tensor.to(dtype)) for name, tensor in weights.items())
    )
