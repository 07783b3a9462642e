"""A loaded model: check that it fits, then load it.

Only safetensors and GGUF files are read, and code from checkpoints never runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.engine import memory
from infill_completion.engine.checkpoints import devices, precision
from infill_completion.engine.checkpoints.adapters import Adapter, ForeignAdapterError, usable_adapter
from infill_completion.engine.checkpoints.configuration import check_configuration
from infill_completion.engine.checkpoints.embedded_weights import load_llama
from infill_completion.engine.checkpoints.gguf.loading import forget_headers, load_gguf
from infill_completion.engine.checkpoints.model_settings import ModelSettings
from infill_completion.engine.checkpoints.packed_weights import StreamedModel, load_packed, weights_of
from infill_completion.engine.checkpoints.selection import EMBEDDED, WORKSPACE_BYTES, choose_model
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.checkpoints.weights import weight_bytes, weight_files
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model.native import build as native_build
from infill_completion.engine.progress import Progress
from infill_completion.settings import EngineSettings

environment.prepare()
log = logging.getLogger(__name__)

_BUILD_LIMIT_S = 120.0


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model with its tokenizer and settings; ``folder`` is where it is, a folder or a GGUF file.

    ``adapter`` is the file with what it has learned, or why it does without it; empty if the settings name none.
    ``is_taught`` says whether the package has taught it.
    """

    name: str
    folder: Path
    model: Any
    tokenizer: Tokenizer
    settings: ModelSettings
    device: torch.device
    dtype: torch.dtype
    quantization: str
    weight_bytes: int
    cpu_int8: bool = False
    adapter: str = ""
    is_taught: bool = False


def load(settings: EngineSettings, progress: Progress, *, without_transformers: bool = False) -> Checkpoint:
    """Load the model that the settings name.

    Args:
        settings: Model, quantization and device.
        progress: Called with a share from 0 to 1 and the current step.
        without_transformers: Load the model without transformers where possible: the embedded one, and packed ones on
            the CPU.  Only the decoder can use such a model; it has no ``generate()``.  GGUF files are always loaded so.

    Raises:
        ModelError: The model is missing, incomplete, too large or of an unknown kind.
    """
    device = devices.choose_device(settings.device)
    devices.make_current(device)
    name, folder = choose_model(settings, device)
    if folder.is_dir():
        check_configuration(folder)
    stamps = _stamps(folder)
    made = _loaded(settings, name, folder, device, progress, without_transformers=without_transformers)
    if _stamps(folder) != stamps:
        raise ModelError(f"{folder.name} changed while it was read; load the model again.")
    return made


def _loaded(
    settings: EngineSettings, name: str, folder: Path, device: torch.device, progress: Progress, *,
    without_transformers: bool,
) -> Checkpoint:  # fmt: skip
    """Load the checkpoint in ``folder``, the arguments otherwise as of :func:`load`."""
    weights = precision.Weights() if folder == EMBEDDED else weights_of(folder)
    quantization = _available(precision.choose_quantization(settings.quantization, device, name, weights), settings)
    dtype = precision.choose_dtype(device, quantization)
    progress(0.05, "reading the tokenizer")
    tokenizer = Tokenizer.load(folder, name)
    memory.return_free()  # the vocabulary was held several times
    memory.unmap_code()  # importing torch is over
    form = tokenizer.infilling.form if tokenizer.infilling else None
    model_settings = ModelSettings.read(folder, name, form)
    is_cpu_int8 = precision.is_cpu_int8(quantization, device)
    can_stream = weights.is_gguf or (weights.is_packable and (without_transformers or quantization == "int4"))
    is_streamed, free = is_cpu_int8 and can_stream, devices.free_bytes(device)
    needed = weight_bytes(folder, quantization, dtype, is_cpu_int8=is_cpu_int8, is_packed=is_streamed)
    if free is not None and needed + WORKSPACE_BYTES > free and torch.cuda.device_count() < 2:
        raise ModelError(
            f"{name} needs {needed / 2**30:.1f} GiB and {device} has {free / 2**30:.1f} GiB free; close other "
            "programs, or set engine.quantization to `nf4` or engine.model to a smaller model."
        )
    is_llama = without_transformers and folder == EMBEDDED and is_cpu_int8
    adapter, learned = usable_adapter(settings.adapter, folder, can_apply=is_streamed or is_llama)
    progress(0.1, f"loading {model_settings.name or name}")
    # The engine packs whole weights; the int8 of bitsandbytes is for GPUs.
    held = "none" if is_cpu_int8 else quantization
    if is_streamed:
        bits = 4 if quantization == "int4" else 8
        model, learned = _adapted(lambda some: _streamed(folder, name, bits, progress, some), adapter, learned)
    elif without_transformers and folder == EMBEDDED and device.type == "cpu" and held == "none":
        model, learned = _adapted(lambda some: load_llama(folder, dtype, some), adapter, learned)
    elif weights.is_gguf:
        model = _dequantized(folder, name, dtype, device, progress)
    else:
        model = _pretrained(folder, name, device, dtype, held, needed, free)
    _check_tokenizer(tokenizer, name, model.config.vocab_size)
    # CodeLlama-34b and the -Python models share a tokenizer with models that can infill, but not their vocabulary.
    if tokenizer.infilling and tokenizer.infilling.highest >= model.config.vocab_size:
        tokenizer.infilling = None
    forget_headers()
    memory.return_free()
    progress(0.9, "preparing")
    return Checkpoint(
        model_settings.name or name, folder, model, tokenizer, model_settings, device, dtype, quantization, needed,
        is_cpu_int8, learned, is_streamed and model.is_taught,
    )  # fmt: skip


def _adapted(load: Callable[[Adapter | None], Any], adapter: Adapter | None, learned: str) -> tuple[Any, str]:
    """Return the model with an adapter, or without one that does not fit, and what is said about that."""
    try:
        return load(adapter), learned
    except ForeignAdapterError as error:
        log.warning("%s", error)
        return load(None), f"not used: {error}"


def _check_tokenizer(tokenizer: Tokenizer, name: str, rows: int) -> None:
    """Raise if text can become a token that the model has no embedding of."""
    has_more = tokenizer.vocab_size > rows and tokenizer.highest >= rows  # few have, and to look takes a while
    if has_more and not tokenizer.spell_from(rows):
        raise ModelError(
            f"The tokenizer of {name} has {tokenizer.highest + 1} tokens and the model {rows}, so they do not belong "
            "together; choose another model, or fetch it again."
        )


def _stamps(folder: Path) -> list[tuple[int, int, int]]:
    """Return what changes when another file takes the place of one with weights: parts of two models are none."""
    files = [folder] if folder.is_file() else weight_files(folder)
    return [(status.st_mtime_ns, status.st_size, status.st_ino) for status in (file.stat() for file in files)]


def _dequantized(file: Path, name: str, dtype: torch.dtype, device: torch.device, progress: Progress) -> Any:
    """Load a GGUF file, whose header the tokenizer has been read from."""
    try:
        return load_gguf(file, dtype, device, lambda share: progress(0.1 + 0.8 * share, f"loading {file.name}"))
    except torch.OutOfMemoryError as error:
        raise ModelError(f"{name} does not fit on {device}; choose a smaller model.") from error


def _available(quantization: str, settings: EngineSettings) -> str:
    """Return ``int8`` for ``int4`` where the compiled step cannot be built: torch's operators are slow with 4 bits."""
    if quantization == "int4":
        build = native_build.shared()
        if not build.wait(_BUILD_LIMIT_S) or build.library is None:
            quantization = "int8"
    if settings.quantization == "int4" and quantization == "int8":
        log.warning(
            "Weights in 4 bits need the compiled step, which is not available for this model and machine; they have 8."
        )
    return quantization


def _streamed(path: Path, name: str, bits: int, progress: Progress, adapter: Adapter | None) -> StreamedModel:
    try:
        return load_packed(path, bits, lambda share: progress(0.1 + 0.8 * share, f"loading {name}"), adapter)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        kind = type(error).__name__  # the message may quote the file
        raise ModelError(f"{name} cannot be loaded ({kind}); check the files in {path}.") from error


def _pretrained(
    folder: Path, name: str, device: torch.device, dtype: torch.dtype, quantization: str, needed: int, free: int | None
) -> Any:
    """Load a checkpoint with transformers, on several GPUs if it does not fit on one."""
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils import logging as transformers_logging

    disable_progress_bar: Callable[[], None] = transformers_logging.disable_progress_bar
    disable_progress_bar()
    several = device.type == "cuda" and free is not None and needed + WORKSPACE_BYTES > free
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        extra: dict[str, Any] = {}
        # A checkpoint that was saved quantised has its own configuration.
        if quantization != "none" and getattr(config, "quantization_config", None) is None:
            extra["quantization_config"] = precision.bitsandbytes_config(quantization, dtype)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            device_map="auto" if several else {"": device},
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation="sdpa",
            output_loading_info=True,
            **extra,
        )
    except torch.OutOfMemoryError as error:
        raise ModelError(f"{name} does not fit on {device}; choose a smaller model or `nf4`.") from error
    except (OSError, ValueError, RuntimeError, ImportError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{name} cannot be loaded ({reason}); check the files in {folder}.") from error
    # transformers fills in what is missing with random numbers, and leaves out what it has no place for.
    model, report = loaded
    if wrong := [*report["missing_keys"], *(key for key in report["unexpected_keys"] if key.endswith(".bias"))]:
        lacks = "lacks" if report["missing_keys"] else "has"
        raise ModelError(
            f"{name} {lacks} the tensor {min(wrong)[:80]}, other than its configuration says; choose another model, or "
            f"check the files in {folder}."
        )
    norms = [weight for key, weight in model.named_parameters() if key.endswith("norm.weight")]
    if not all(bool(weight.isfinite().all()) and bool(weight.any()) for weight in norms):
        raise ModelError(f"{name} is damaged: some of its weights are no numbers; fetch it again.")
    return model.eval().requires_grad_(False)
