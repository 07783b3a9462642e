"""From the setting ``engine.model`` to a loaded model: find it, see whether it fits, load it.

Safetensors only, no code from checkpoints, and nothing is fetched: the files are on this machine or there is one
sentence that tells how to get them there.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.catalog import Support, quantised, quantised_names
from infill_completion.catalog import find as known_model
from infill_completion.engine.checkpoints.bare import llama
from infill_completion.engine.checkpoints.model_settings import ModelSettings
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.checkpoints.weights import kv_bytes, weight_bytes, weight_files
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model import int8
from infill_completion.settings import EngineSettings

environment.prepare()

EMBEDDED = Path(__file__).resolve().parents[2] / "embedded"
_MOST_PREFILL_THREADS = 4  # the rest of the machine is the user's
# Best first; `auto` takes the first that is cached and fits.  34B cannot infill, so it is never chosen unasked.
AUTOMATIC = ("codellama/CodeLlama-13b-hf", "codellama/CodeLlama-7b-hf", "meta-llama/CodeLlama-13b-hf",
             "meta-llama/CodeLlama-7b-hf")  # fmt: skip
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_WORKSPACE_BYTES = 256 << 20

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model with all that belongs to it."""

    name: str
    folder: Path
    model: Any
    tokenizer: Tokenizer
    settings: ModelSettings
    device: torch.device
    dtype: torch.dtype
    quantization: str
    weight_bytes: int
    packed: bool = False


def find(name: str) -> Path:
    """Return the folder of a model: ``embedded``, a path, or a hub id that is in the local cache.

    Raises:
        ModelError: There is no such model here, or its files are incomplete.
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
            f"{name} is not on this machine; fetch it with `infill-ls models pull {name}` (a gated model needs its "
            "licence accepted on huggingface.co and a token first)."
        )
    return _complete(Path(config).parent, name)


def _complete(folder: Path, name: str) -> Path:
    if not (folder / "config.json").exists():
        raise ModelError(f"{folder} holds no config.json, so it is no model; check engine.model.")
    missing = [file.name for file in weight_files(folder, name) if not file.exists()]
    if missing:
        raise ModelError(
            f"{name} is only partly here ({', '.join(missing[:3])} missing); finish it with "
            f"`infill-ls models pull {name}`."
        )
    return folder


def free_bytes(device: torch.device) -> int | None:
    """Return the memory that is free for a model, or None where nobody can tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "cpu":
        try:
            lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
            return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
        except (OSError, StopIteration):
            return None
    return None


def choose_device(wanted: str) -> torch.device:
    """Return the device that the setting ``engine.device`` means here.

    Raises:
        ModelError: The wanted device is not there.
    """
    accelerators = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "xpu": torch.xpu.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return torch.device(next(name for name, there in accelerators.items() if there))
    kind, _, index = wanted.partition(":")
    there = accelerators.get(kind, False) and (not index or index.isdigit())
    if not there or (kind == "cuda" and index and int(index) >= torch.cuda.device_count()):
        raise ModelError(
            f"There is no device `{wanted}` here; set engine.device to `auto` or `cpu`, or see `infill-ls doctor`."
        )
    return torch.device(wanted)


def choose_quantization(wanted: str, device: torch.device, name: str) -> str:
    """Return ``nf4``, ``int8`` or ``none``.

    Unless told otherwise nf4 on CUDA, where the embedded model is too small to gain; int8 on a CPU that has the
    products, since a token costs the bytes of all weights.
    """
    if wanted != "auto":
        return wanted
    if device.type == "cpu":
        return "int8" if int8.available() else "none"
    return "nf4" if device.type == "cuda" and name != "embedded" else "none"


def choose_dtype(device: torch.device, quantization: str) -> torch.dtype:
    """Return the type that is computed in: bf16 where the device knows it, fp16 on older GPUs, fp32 on the CPU.

    One token's products are no faster in bf16 on the CPU; the quantised ones want bf16 there.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "cpu":
        return torch.float32 if quantization == "none" else torch.bfloat16
    return torch.float16


def choose_model(settings: EngineSettings, device: torch.device) -> tuple[str, Path]:
    """Return the name and folder that ``engine.model`` means.

    Where the weights would be held in 4 bits anyway, the checkpoint that ``infill-ls models quantize`` wrote is taken
    before the whole one: it loads without being quantised again.

    Raises:
        ModelError: As :func:`find`.
    """
    if settings.model != "auto":
        wanted = choose_quantization(settings.quantization, device, settings.model)
        made = quantised(settings.model) if wanted == "nf4" and _HUB_ID.fullmatch(settings.model) else None
        return settings.model, made or find(settings.model)
    if device.type != "cpu":
        for name in (*AUTOMATIC, *_other_quantised()):
            folder = _fitting(name, settings, device)
            if folder is not None:
                return name, folder
    return "embedded", find("embedded")


def _other_quantised() -> list[str]:
    """Return what else the user has quantised and infills, biggest first."""
    known = [model for name in quantised_names() if name not in AUTOMATIC and (model := known_model(name)) is not None]
    able = [model for model in known if model.support is Support.INFILLS and model.shape is not None]
    return [model.id for model in sorted(able, key=lambda model: model.shape.parameters if model.shape else 0)][::-1]


def _fitting(name: str, settings: EngineSettings, device: torch.device) -> Path | None:
    """Return the folder of a model that is here and fits with the keys and values of a prompt."""
    quantization = choose_quantization(settings.quantization, device, name)
    dtype = choose_dtype(device, quantization)
    folders = [quantised(name)] if quantization == "nf4" else []
    with contextlib.suppress(ModelError):
        folders.append(find(name))
    free = free_bytes(device)
    for folder in folders:
        with contextlib.suppress(ModelError):
            if folder is None:
                continue
            needed = weight_bytes(folder, quantization, dtype) + kv_bytes(folder, settings.context_tokens, dtype)
            if free is None or needed + _WORKSPACE_BYTES <= free:
                return folder
    return None


def load(settings: EngineSettings, progress: Progress, *, bare: bool = False) -> Checkpoint:
    """Load the model that the settings name.

    Args:
        settings: Model, quantization and device.
        progress: Called with a share from 0 to 1 and what is being done.
        bare: The decoder alone will use the model, so the embedded one may come without transformers.

    Raises:
        ModelError: It is missing, incomplete, too big or of an unknown kind.
    """
    device = choose_device(settings.device)
    name, folder = choose_model(settings, device)
    quantization = choose_quantization(settings.quantization, device, name)
    dtype = choose_dtype(device, quantization)
    progress(0.05, "reading the tokenizer")
    tokenizer = Tokenizer.load(folder, name)
    form = tokenizer.infilling.form if tokenizer.infilling else None
    model_settings = ModelSettings.read(folder, name, form)
    is_packed = quantization == "int8" and device.type == "cpu" and int8.available()
    needed, free = weight_bytes(folder, quantization, dtype, is_packed=is_packed), free_bytes(device)
    if free is not None and needed + _WORKSPACE_BYTES > free and torch.cuda.device_count() < 2:
        raise ModelError(
            f"{name} needs {needed / 2**30:.1f} GiB and {device} has {free / 2**30:.1f} GiB free; close other "
            "programs, or set engine.quantization to `nf4` or engine.model to a smaller one."
        )
    progress(0.1, f"loading {model_settings.name or name}")
    # Packed weights are made from whole ones; bitsandbytes' int8 is for GPUs.
    held = "none" if is_packed else quantization
    if bare and folder == EMBEDDED and device.type == "cpu" and held == "none":
        model: Any = llama(folder, dtype)
    else:
        model = _pretrained(folder, name, device, dtype, held, needed, free)
    # CodeLlama-34b and the -Python models share a tokenizer with models that can infill, but not their vocabulary.
    if tokenizer.infilling and tokenizer.infilling.highest >= model.config.vocab_size:
        tokenizer.infilling = None
    progress(0.9, "preparing")
    return Checkpoint(
        model_settings.name or name, folder, model, tokenizer, model_settings, device, dtype, quantization, needed,
        is_packed,
    )  # fmt: skip


def _pretrained(
    folder: Path, name: str, device: torch.device, dtype: torch.dtype, quantization: str, needed: int, free: int | None
) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils import logging as transformers_logging

    quiet: Callable[[], None] = transformers_logging.disable_progress_bar
    quiet()
    several = device.type == "cuda" and free is not None and needed + _WORKSPACE_BYTES > free
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        extra: dict[str, Any] = {}
        # A checkpoint that was saved quantised brings its own configuration.
        if quantization != "none" and getattr(config, "quantization_config", None) is None:
            extra["quantization_config"] = _bitsandbytes(quantization, dtype)
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            device_map="auto" if several else {"": device},
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation="sdpa",
            **extra,
        )
    except torch.OutOfMemoryError as error:
        raise ModelError(f"{name} does not fit on {device}; choose a smaller model or `nf4`.") from error
    except (OSError, ValueError, RuntimeError, ImportError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{name} cannot be loaded ({reason}); check the files in {folder}.") from error
    loaded: Any = model
    return loaded.eval().requires_grad_(False)


def _bitsandbytes(quantization: str, dtype: torch.dtype) -> Any:
    import transformers

    BitsAndBytesConfig: Any = transformers.BitsAndBytesConfig
    # On the CPU it reports every cast of every product.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="MatMul8bitLt: inputs will be cast")
    if quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    # The default compute type is float32, which quietly takes the slow path.
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def set_threads(device: torch.device, parameters: int) -> int:
    """Choose the number of threads for products on the CPU and return it.

    Small models gain nothing from a second thread that waits for a busy neighbour at every product.
    """
    threads = 1 if device.type != "cpu" or parameters < 50_000_000 else max(1, _cores() - 1)
    torch.set_num_threads(threads)
    return threads


def prefill_threads(device: torch.device, threads: int) -> int:
    """Return how many parts of a prompt to read at once where a product has ``threads`` threads."""
    return min(_MOST_PREFILL_THREADS, _cores()) if device.type == "cpu" and threads == 1 else 1


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
