"""The GGUF files that are compared: one model in each of llama.cpp's usual quantisations."""

from __future__ import annotations

from pathlib import Path

from benchmarks.gguf import writer
from benchmarks.llama_cpp import random_file
from benchmarks.llama_cpp.worker import silent_llama_cpp

KINDS = ("q4_0", "q4_1", "q4_k_m", "q8_0")
_FILE_TYPES = {"q4_0": "Q4_0", "q4_1": "Q4_1", "q4_k_m": "Q4_K_M", "q8_0": "Q8_0"}


def of_shape(name: str, folder: Path, kinds: tuple[str, ...]) -> dict[str, Path]:
    """Write random weights of a shape of :data:`random_file.SHAPES` and return the files by kind."""
    found = {kind: folder / f"{kind}.gguf" for kind in kinds}
    for kind, file in found.items():
        if not file.exists():
            random_file.write(random_file.SHAPES[name], file, kind)
    return found


def of_model(path: Path, folder: Path, kinds: tuple[str, ...]) -> dict[str, Path]:
    """Quantise a checkpoint's folder or a GGUF file with llama.cpp and return the files by kind."""
    source = path
    if path.is_dir():
        source = folder / "f16.gguf"
        if not source.exists():
            writer.write(path, source, "f16")
    found = {kind: folder / f"{kind}.gguf" for kind in kinds}
    for kind, file in found.items():
        if not file.exists():
            _quantize(source, file, kind)
    return found


def _quantize(source: Path, target: Path, kind: str) -> None:
    c = silent_llama_cpp()
    parameters = c.llama_model_quantize_default_params()
    parameters.ftype = getattr(c, f"LLAMA_FTYPE_MOSTLY_{_FILE_TYPES[kind]}")
    parameters.allow_requantize = True
    if c.llama_model_quantize(str(source).encode(), str(target).encode(), parameters):
        raise SystemExit(f"llama.cpp cannot quantize {source.name} to {kind}.")
