"""Choose the checkpoint that the setting ``engine.model`` means, among those on this machine.

Nothing is downloaded: either the files are here, or the error says how to get them.  What ``auto`` chooses by is in
:mod:`infill_completion.catalog.choice`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.catalog import (
    MODELS,
    SMALL_MODEL,
    AutoChoice,
    KnownModel,
    ModelShape,
    ModelSpeed,
    Option,
    Presence,
    Room,
    SpeedStore,
    Support,
    cached,
    choose,
    estimate,
    quality,
    quantised,
)
from infill_completion.catalog.gguf import GgufError, in_folder, is_gguf, ollama_model
from infill_completion.catalog.gguf.identity import known_files
from infill_completion.catalog.small import SMALL, SMALL_ID, small_model
from infill_completion.engine.checkpoints import device_probe, devices, precision
from infill_completion.engine.checkpoints.adapters import is_as_published
from infill_completion.engine.checkpoints.packed_weights import weights_of
from infill_completion.engine.checkpoints.weights import kv_bytes, weight_bytes, weight_files
from infill_completion.engine.errors import ModelError
from infill_completion.settings import EngineSettings, Settings, config_path, merge, read_config

environment.prepare()

EMBEDDED = Path(__file__).resolve().parents[2] / "embedded"
WORKSPACE_BYTES = 256 << 20  # what has to stay free beside weights, keys and values
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def find(name: str) -> Path:
    """Return where a model is: ``embedded``, a path, an Ollama tag, or a hub id that is in the local cache.

    The result is a folder or a GGUF file.

    Raises:
        ModelError: The model is not on this machine, or its files are incomplete.
    """
    if name == "embedded":
        return _complete(EMBEDDED, "embedded")
    if name == SMALL:
        if (file := small_model()) is not None and is_gguf(file) and is_as_published(file):
            return file
        state = "not on this machine" if file is None else "damaged"
        raise ModelError(f"The small model is {state}; fetch it with `infill-ls models pull {SMALL}`.")
    if (local := _local(name)) is not None:
        return local
    if not _HUB_ID.fullmatch(name):
        raise ModelError(
            f"`{name}` is neither a folder, nor a GGUF file, nor a model id of the form `owner/name`; set engine.model "
            "to one of them, to `auto` or to `embedded`."
        )
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, "config.json")
    if (snapshot := cached(name).folder) is not None and (file := _gguf_in(snapshot)) is not None:
        return file
    if not isinstance(config, str):
        raise ModelError(
            f"{name} is not on this machine; fetch it with `infill-ls models pull {name}` (for a gated model, first "
            "accept its licence on huggingface.co and log in)."
        )
    return _complete(Path(config).parent, name)


def _local(name: str) -> Path | None:
    """Return the folder or the GGUF file that a path or a tag of Ollama's names; None if there is none."""
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            return _gguf_in(path) or _complete(path, name)
        if path.is_file() and not is_gguf(path):
            raise ModelError(f"{path.name} is not a GGUF file; set engine.model to one, or to the folder of a model.")
        return path if path.is_file() else ollama_model(name)
    except (OSError, ValueError, RuntimeError):  # not a path, such as one with a NUL
        return None


def _gguf_in(folder: Path) -> Path | None:
    """Return the GGUF file in a folder that holds no other checkpoint."""
    try:
        return None if (folder / "config.json").exists() else in_folder(folder)
    except GgufError as error:
        raise ModelError(str(error)) from error


def _complete(folder: Path, name: str) -> Path:
    if not (folder / "config.json").is_file():  # a pipe would wait for somebody to write
        raise ModelError(f"{folder} is not a model: it has no config.json; check engine.model.")
    missing = [file.name for file in weight_files(folder, name) if not file.is_file()]
    if missing:
        is_path = Path(name).expanduser().is_dir()
        step = "put the rest there" if is_path else f"finish it with `infill-ls models pull {name}`"
        raise ModelError(f"{name} is incomplete ({', '.join(missing[:3])} missing); {step}.")
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
    chosen, _choice = choose_automatically(settings, device)
    if chosen is None or chosen.folder is None:
        return "embedded", find("embedded")
    return chosen.name, chosen.folder


@dataclass(frozen=True)
class FoundModel:
    """A known model on this machine.

    Attributes:
        model: The model.
        name: The hub id that it was found under; Meta's own mirrors have others.
        folder: Its checkpoint, a folder or a GGUF file; None if it is half downloaded.
        is_own: Whether the user quantised it here.
        problem: What an incomplete one lacks, as the rest of a sentence.
    """

    model: KnownModel
    name: str
    folder: Path | None
    is_own: bool = False
    problem: str = ""


def choose_automatically(settings: EngineSettings, device: torch.device) -> tuple[FoundModel | None, AutoChoice]:
    """Return the model that ``auto`` takes, None for the embedded one, and what became of the others.

    Nothing is measured while there is no model to choose from.
    """
    found = found_models(settings, device)
    choice = choose([_option(each, settings, device) for each in found], room(device))
    taken = choice.option
    return next((each for each in found if taken is not None and each.model is taken.model), None), choice


def room(device: torch.device) -> Room:
    """Return what a model has to keep to on a device."""
    free = devices.free_bytes(device)
    return Room(str(device), None if free is None else free - WORKSPACE_BYTES, deadline_ms())


def found_models(settings: EngineSettings, device: torch.device) -> list[FoundModel]:
    """Return the known models that are at least partly on this machine: checkpoints, else GGUF files."""
    found = {each.model.id: each for model in MODELS for each in _found(model, settings, device)}
    for model, file in known_files():
        if file.problem:
            problem = f"cannot be read ({file.problem.rstrip('.')})"
            found.setdefault(model.id, FoundModel(model, file.name, None, problem=problem))
        elif model.id not in found or found[model.id].folder is None:
            found[model.id] = FoundModel(model, file.name, file.path)
    if (small := small_model()) is not None:
        problem = "" if is_as_published(small) else f"is damaged; fetch it again with `infill-ls models pull {SMALL}`"
        found[SMALL_ID] = FoundModel(SMALL_MODEL, SMALL, None if problem else small, problem=problem)
    return [found[model.id] for model in MODELS if model.id in found]


def _found(model: KnownModel, settings: EngineSettings, device: torch.device) -> list[FoundModel]:
    """Return the places of a model, best first; only the first one counts."""
    names, partial = [model.id], list[FoundModel]()
    if model.id.startswith("codellama/"):
        names.append(model.id.replace("codellama/", "meta-llama/", 1))
    for name in names:
        own = quantised(name) if precision.choose_quantization(settings.quantization, device, name) == "nf4" else None
        if own is not None:
            return [FoundModel(model, name, own, is_own=True)]
        # Not `find`: most machines have no model, and it would import the hub's library for each start of the engine.
        here = cached(name)
        if here.presence is Presence.COMPLETE:
            return [FoundModel(model, name, here.folder)]
        if here.presence is Presence.PARTIAL:
            partial = partial or [FoundModel(model, name, None, problem=_missing(name, here.folder))]
    return partial


def _missing(name: str, folder: Path | None) -> str:
    """Return what an incomplete model lacks, as the rest of a sentence."""
    if folder is not None and any(folder.glob("*.bin")) and not any(folder.glob("*.safetensors*")):
        return "has no safetensors weights, and other formats can run code"
    return f"is half downloaded; finish it with `infill-ls models pull {name}`"


def _option(found: FoundModel, settings: EngineSettings, device: torch.device) -> Option:
    """Return what there is to know about a model before it is chosen."""
    model, name, folder = found.model, found.name, found.folder
    obstacle = _obstacle(found)
    if obstacle or folder is None:
        return Option(model, obstacle=obstacle, is_own=found.is_own)
    try:
        weights = weights_of(folder)
        quantization = precision.choose_quantization(settings.quantization, device, name, weights)
        dtype, is_packed = precision.choose_dtype(device, quantization), precision.is_cpu_int8(quantization, device)
        if not weights.is_gguf:
            ModelShape.of(json.loads((folder / "config.json").read_text("utf-8")))  # raises if it is damaged
        is_streamed = is_packed and (weights.is_packable or weights.is_gguf)
        needed = weight_bytes(folder, quantization, dtype, is_cpu_int8=is_packed, is_packed=is_streamed)
        needed += kv_bytes(folder, settings.context_tokens, dtype)
    except (ModelError, OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        what = str(error).rstrip(".") if isinstance(error, ModelError) else type(error).__name__
        what = f"fetch it again with `infill-ls models pull {SMALL}`" if model is SMALL_MODEL else what
        return Option(model, obstacle=f"cannot be read ({what})", is_own=found.is_own)
    speed = None
    if quality(model.id) is not None or found.is_own:
        speed = speed_here(model, quantization, device, name=name)
    return Option(model, needed, speed, is_own=found.is_own)


def _obstacle(found: FoundModel) -> str:
    model = found.model
    if model.support is Support.NONE or model.shape is None:
        return f"cannot run in the engine: {model.note.rstrip('.')}"
    if model.support is Support.LEFT_TO_RIGHT and model is not SMALL_MODEL:
        return "was not trained to infill"
    return found.problem


def speed_here(
    model: KnownModel, quantization: str, device: torch.device, *, name: str = "", store: SpeedStore | None = None
) -> ModelSpeed | None:
    """Return the speed of a model on a device: as measured here, else as estimated; None without its shape."""
    store = store or SpeedStore()
    key = device_probe.device_key(device)
    measured = store.speed(key, name or model.id, quantization)
    if measured is not None or model.shape is None:
        return measured
    dtype, fastest = precision.choose_dtype(device, quantization), device_probe.device_speed(device, store)
    return None if fastest is None else estimate(model.shape, quantization, fastest, bytes_per_value=dtype.itemsize)


def deadline_ms() -> int:
    """Return the deadline of an automatic answer in the user's settings file.

    An editor may send another one, but one engine serves all windows.
    """
    return user_settings().completion.deadline_ms


def user_settings() -> Settings:
    """Return the settings in the user's file."""
    return merge(Settings(), read_config(config_path())[0], origin="")[0]
