"""The weight files of a checkpoint, and the memory that they will need once loaded."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.catalog import ModelShape
from infill_completion.catalog.local import shards_of
from infill_completion.engine.checkpoints.gguf.contents import places
from infill_completion.engine.checkpoints.gguf.loading import opened
from infill_completion.engine.errors import ModelError

environment.prepare()

# The format's own limit.
_MAX_HEADER_BYTES = 100_000_000
_FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
_NOT_QUANTISED = ("embed_tokens", "lm_head", "norm")
# NF4 with double quantisation: 4 bits, an 8-bit scale per 64 weights, a 32-bit one per 256 scales.
_BITS = {"nf4": 4 + 8 / 64 + 32 / (64 * 256), "int8": 8.0, "int4": 5.0}


def weight_files(folder: Path, name: str = "") -> list[Path]:
    """Return the safetensors files of a checkpoint, including those that are missing.

    Raises:
        ModelError: The checkpoint has no safetensors at all.
    """
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            return [folder / shard for shard in shards_of(index)]
        except (ValueError, OSError) as error:
            raise ModelError(f"{index} is damaged; fetch the model again with `infill-ls models pull`.") from error
    if not (folder / "model.safetensors").exists() and any(folder.glob("*.bin")):
        raise ModelError(
            f"{name or folder} has no safetensors weights, and other formats can run code; choose another model."
        )
    return [folder / "model.safetensors"]


def tensor_sizes(folder: Path) -> dict[str, int]:
    """Return the number of values in each tensor, from the headers of the weight files.

    Raises:
        ModelError: A file is damaged or incomplete.
    """
    sizes: dict[str, int] = {}
    for file in weight_files(folder):
        try:
            own, end, _ = _header(file)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, struct.error) as error:
            kind = type(error).__name__  # the message may quote the file
            raise ModelError(f"{file.name} is damaged ({kind}); run `infill-ls models pull` again.") from error
        if file.stat().st_size < end:
            raise ModelError(f"{file.name} is incomplete; run `infill-ls models pull` again.")
        sizes |= own
    return sizes


def check_types(folder: Path) -> None:
    """Check that the weights of a checkpoint without a quantization are numbers, and not those of a quantization.

    Its headers have been read by :func:`tensor_sizes`, which says what is wrong with them.

    Raises:
        ModelError: They are not.
    """
    for file in weight_files(folder):
        for name, kind in _header(file)[2].items():
            if name.endswith((".weight", ".bias")) and kind not in _FLOATS:
                raise ModelError(
                    f"{file.name} holds weights as {str(kind)[:20]}, which its configuration does not explain; choose "
                    "another model."
                )


def _header(file: Path) -> tuple[dict[str, int], int, dict[str, Any]]:
    """Return the number of values in each tensor of a file, where the last one ends, in bytes, and their types.

    The file begins with the length of a JSON object (8 bytes, little-endian), then comes that object, then the data, in
    which ``data_offsets`` count.  Source: the format's description in the documentation of safetensors.

    Raises:
        ValueError: The header does not have this form; other exceptions may come from its parts.
    """
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > _MAX_HEADER_BYTES:
            raise ValueError("the header is too long")
        header = json.loads(stream.read(length))
    tensors = {key: item for key, item in header.items() if key != "__metadata__"}
    numbers = [number for item in tensors.values() for number in (*item["shape"], *item["data_offsets"])]
    if not all(type(number) is int and 0 <= number < 1 << 63 for number in numbers):
        raise ValueError("a size is not a whole number")
    end = max(item["data_offsets"][1] for item in tensors.values())
    types = {key: item["dtype"] for key, item in tensors.items()}
    return {key: math.prod(item["shape"]) for key, item in tensors.items()}, 8 + length + end, types


def weight_bytes(
    folder: Path, quantization: str, dtype: torch.dtype, *, is_cpu_int8: bool = False, is_packed: bool = False
) -> int:
    """Return the memory in bytes that the weights of the checkpoint or GGUF file will need once loaded.

    Args:
        folder: The checkpoint or the file.
        quantization: Its quantization.
        dtype: Type of what is not quantised.
        is_cpu_int8: Whether rounded weights are kept beside the packed ones.
        is_packed: Whether they are packed while they are read, and so are embeddings and head.
    """
    bits = _BITS.get(quantization, dtype.itemsize * 8)
    if is_packed:
        dtype = torch.int8
    elif is_cpu_int8:
        bits += dtype.itemsize * 8  # the prefill still needs the rounded weights unpacked
    if folder.is_file():
        return _needed(gguf_sizes(folder), bits, dtype)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    files = weight_files(folder)
    if config.get("quantization_config"):
        return sum(file.stat().st_size for file in files)
    return _needed(tensor_sizes(folder), bits, dtype)


def _needed(sizes: Mapping[str, int], bits: float, dtype: torch.dtype) -> int:
    return sum(
        int(size * (dtype.itemsize * 8 if any(part in name for part in _NOT_QUANTISED) else bits) / 8)
        for name, size in sizes.items()
    )


def gguf_sizes(file: Path) -> dict[str, int]:
    """Return the number of values in each tensor of a GGUF file, under the names of transformers.

    Raises:
        ModelError: The file is damaged, or holds a model that is not supported.
    """
    return {place.name: place.entry.values for place in places(*opened(file))}


def kv_bytes(folder: Path, tokens: int, dtype: torch.dtype) -> int:
    """Return the bytes of the keys and values of ``tokens`` tokens, or 0 if the model is not Llama-like."""
    try:
        if folder.is_file():
            return opened(folder)[1].shape.kv_bytes(tokens, dtype.itemsize)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return ModelShape.of(config).kv_bytes(tokens, dtype.itemsize)
    except (OSError, KeyError, TypeError, ValueError, ModelError):
        return 0
