"""``infill-ls models quantize``: write a checkpoint in 4 bits, so that it loads without being quantised again.

The result is what transformers' ``save_pretrained`` writes for bitsandbytes: packed weights with their scales, and the
quantization's configuration in ``config.json``.  Tokenizer and ``infill.json`` are copied.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.catalog import ModelShape, Quantization
from infill_completion.catalog import find as known
from infill_completion.engine.checkpoints import devices, precision, selection
from infill_completion.engine.checkpoints.weights import tensor_sizes
from infill_completion.engine.errors import ModelError

environment.prepare()

EXIT_ERROR = 2
# The tokenizer files of all kinds of checkpoints.
_TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt",
)  # fmt: skip
_SETTINGS_FILE = "infill.json"
_BIGGEST_SHARD = "4GB"

Say = Callable[[str], None]


def quantize(name: str, folder: Path, say: Say) -> None:
    """Load ``name`` in NF4 with double quantisation and write it to ``folder``.

    Args:
        name: Hub id in the local cache, or a path.
        folder: Target; must not exist or must be empty.
        say: Called with a few words at each step.

    Raises:
        ModelError: The model cannot be quantised or written; ``folder`` is left unchanged.
    """
    source = selection.find(name)
    if source.is_file():
        raise ModelError(f"{source.name} is a GGUF file, whose weights are rounded already; name the original model.")
    _check(name, source, folder)
    device = devices.choose_device("auto")
    dtype = precision.choose_dtype(device, Quantization.NF4.value)
    say(f"Loading {name} on {device}")
    model = load(source, name, device, dtype)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        say(f"Writing {folder}")
        part.mkdir(parents=True)
        save(model, source, part)
        layout = _layout(name)
        if layout is not None and not (source / _SETTINGS_FILE).exists():
            (part / _SETTINGS_FILE).write_text(json.dumps({"name": name, "layout": layout}) + "\n", encoding="utf-8")
        if folder.is_dir():
            folder.rmdir()
        part.rename(folder)
    except OSError as error:
        raise ModelError(
            f"{folder} cannot be written ({error.strerror or error}); choose another folder with -o."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def load(source: Path, name: str, device: torch.device, dtype: torch.dtype) -> Any:
    """Load the checkpoint in ``source`` as NF4 with double quantisation.

    Raises:
        ModelError: It does not fit or is damaged.
    """
    from transformers import AutoModelForCausalLM

    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            source, dtype=dtype, device_map={"": device}, local_files_only=True, trust_remote_code=False,
            use_safetensors=True, quantization_config=precision.bitsandbytes_config(Quantization.NF4.value, dtype),
        )  # fmt: skip
    except torch.OutOfMemoryError as error:
        raise ModelError(f"{name} does not fit on {device} even in 4 bits; choose a smaller model.") from error
    except (OSError, ValueError, RuntimeError, ImportError, KeyError) as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(f"{name} cannot be quantised ({first}); check the files in {source}.") from error
    return model.eval()


def save(model: Any, source: Path, folder: Path) -> None:
    """Write a model with 4-bit weights to ``folder``, with the tokenizer and ``infill.json`` of ``source``.

    On CPUs with bfloat16 products bitsandbytes repacks the weights in the first forward pass and cannot write them
    afterwards, so save a model before using it.
    """
    if getattr(model.config, "quantization_config", None) is None:
        dtype = next(parameter.dtype for parameter in model.parameters() if parameter.is_floating_point())
        _declare(model, dtype)
    model.save_pretrained(folder, safe_serialization=True, max_shard_size=_BIGGEST_SHARD)
    for name in (*_TOKENIZER_FILES, _SETTINGS_FILE):
        if (source / name).exists():
            shutil.copyfile(source / name, folder / name)


def _declare(model: Any, dtype: torch.dtype) -> None:
    """Add the quantization to the model's configuration, as loading it with transformers would have done."""
    from transformers.quantizers import auto

    config = precision.bitsandbytes_config(Quantization.NF4.value, dtype)
    quantizers: Any = auto.AutoHfQuantizer
    model.config.quantization_config = config
    model.hf_quantizer = quantizers.from_config(config, pre_quantized=True)
    model.is_quantized = True


def _check(name: str, source: Path, folder: Path) -> None:
    """Raise if the model cannot be quantised or written, before anything is loaded."""
    tensor_sizes(source)  # raises if a file is incomplete
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    if config.get("quantization_config"):
        raise ModelError(f"{name} is quantised already; use it as it is: set engine.model to it.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ModelError(f"{folder} exists and is not empty; choose another folder with -o.")
    try:
        needed = ModelShape.of(config).weight_bytes(Quantization.NF4)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{name} is not a Llama-like model; only those can be quantised.") from error
    parent = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(parent).free
    if free < needed:
        raise ModelError(
            f"{folder} needs {needed / 2**30:.1f} GiB and its disk has {free / 2**30:.1f} GiB free; make room or "
            "choose another folder with -o."
        )


def _layout(name: str) -> str | None:
    model = known(name)
    return None if model is None else str(model.layout)


def main(arguments: Sequence[str] | None = None) -> int:
    """Quantise a model; return 0, or 2 after an error (one sentence on standard error)."""
    parser = argparse.ArgumentParser(prog="infill-ls models quantize", description=__doc__)
    parser.add_argument("model")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        quantize(options.model, options.output, lambda text: print(text, file=sys.stderr))  # noqa: T201
    except ModelError as error:
        print(f"infill-ls: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_ERROR
    print(options.output)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
