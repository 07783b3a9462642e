"""Choose the checkpoint that the setting ``engine.model`` means, among those on this machine.

Nothing is downloaded: either the files are here, or the error says how to get them.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.catalog import Support, quantised, quantised_names
from infill_completion.catalog import find as known_model
from infill_completion.engine.checkpoints import devices, precision
from infill_completion.engine.checkpoints.weights import kv_bytes, weight_bytes, weight_files
from infill_completion.engine.errors import ModelError
from infill_completion.settings import EngineSettings

environment.prepare()

EMBEDDED = Path(__file__).resolve().parents[2] / "embedded"
# Best first: `auto` takes the first one that is cached and fits.  34B cannot infill, so it is never chosen unasked.
AUTOMATIC = ("codellama/CodeLlama-13b-hf", "codellama/CodeLlama-7b-hf", "meta-llama/CodeLlama-13b-hf",
             "meta-llama/CodeLlama-7b-hf")  # fmt: skip
WORKSPACE_BYTES = 256 << 20  # what has to stay free beside weights, keys and values
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def find(name: str) -> Path:
    """Return the folder of a model: ``embedded``, a path, or a hub id that is in the local cache.

    Raises:
        ModelError: The model is not on this machine, or its files are incomplete.
    """
    if name == "embedded":
        return _complete(EMBEDDED, "embedded")
    path = Path(name).expanduser()
    if path.is_dir():
        return _complete(path, name)
    if not _HUB_ID.fullmatch(name):
        raise ModelError(
            f"`{name}` is neither a folder nor a model id of the form `owner/name`; set engine.model to one of them, "
            "to `auto` or to `embedded`."
        )
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, "config.json")
    if not isinstance(config, str):
        raise ModelError(
            f"{name} is not on this machine; fetch it with `infill-ls models pull {name}` (for a gated model, first "
            "accept its licence on huggingface.co and log in)."
        )
    return _complete(Path(config).parent, name)


def _complete(folder: Path, name: str) -> Path:
    if not (folder / "config.json").exists():
        raise ModelError(f"{folder} is not a model: it has no config.json; check engine.model.")
    missing = [file.name for file in weight_files(folder, name) if not file.exists()]
    if missing:
        raise ModelError(
            f"{name} is incomplete ({', '.join(missing[:3])} missing); finish it with `infill-ls models pull {name}`."
        )
    return folder


def choose_model(settings: EngineSettings, device: torch.device) -> tuple[str, Path]:
    """Return the name and the folder of the model that ``engine.model`` means.

    If the weights are to be held in 4 bits anyway, a checkpoint that ``infill-ls models quantize`` wrote is preferred
    to the original: it loads without being quantised again.

    Raises:
        ModelError: As :func:`find`.
    """
    if settings.model != "auto":
        wanted = precision.choose_quantization(settings.quantization, device, settings.model)
        made = quantised(settings.model) if wanted == "nf4" and _HUB_ID.fullmatch(settings.model) else None
        return settings.model, made or find(settings.model)
    if device.type != "cpu":
        for name in (*AUTOMATIC, *_other_quantised()):
            folder = _fitting(name, settings, device)
            if folder is not None:
                return name, folder
    return "embedded", find("embedded")


def _other_quantised() -> list[str]:
    """Return the other models that the user has quantised and that can infill, largest first."""
    known = [model for name in quantised_names() if name not in AUTOMATIC and (model := known_model(name)) is not None]
    able = [model for model in known if model.support is Support.INFILLS and model.shape is not None]
    return [model.id for model in sorted(able, key=lambda model: model.shape.parameters if model.shape else 0)][::-1]


def _fitting(name: str, settings: EngineSettings, device: torch.device) -> Path | None:
    """Return the folder of a model that is on this machine and fits, with the keys and values of a whole prompt."""
    quantization = precision.choose_quantization(settings.quantization, device, name)
    dtype = precision.choose_dtype(device, quantization)
    folders = [quantised(name)] if quantization == "nf4" else []
    with contextlib.suppress(ModelError):
        folders.append(find(name))
    free = devices.free_bytes(device)
    for folder in folders:
        with contextlib.suppress(ModelError):
            if folder is None:
                continue
            needed = weight_bytes(folder, quantization, dtype) + kv_bytes(folder, settings.context_tokens, dtype)
            if free is None or needed + WORKSPACE_BYTES <= free:
                return folder
    return None
