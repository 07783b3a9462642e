"""The precision of a loaded model: the quantization of its weights, and the type that it computes in."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.engine.model import int8

environment.prepare()


def choose_quantization(wanted: str, device: torch.device, name: str, *, is_gguf: bool = False) -> str:
    """Return ``nf4``, ``int8`` or ``none`` for the setting ``engine.quantization`` and the model ``name``.

    The automatic choice on CUDA is nf4, except for the embedded model, which is too small to gain from it.  On a CPU
    that has the 8-bit products it is int8, because every token has to read all weights.  The weights of a GGUF file are
    rounded already, so that only the CPU's own int8 applies to them.
    """
    if is_gguf and device.type == "cpu":
        return "int8" if wanted in {"auto", "int8"} and int8.available() else "none"
    if is_gguf:
        return "none"
    if wanted != "auto":
        return wanted
    if device.type == "cpu":
        return "int8" if int8.available() else "none"
    return "nf4" if device.type == "cuda" and name != "embedded" else "none"


def choose_dtype(device: torch.device, quantization: str) -> torch.dtype:
    """Return the type to compute in: bf16 where the device has it, fp16 on GPUs before Ampere, fp32 on the CPU.

    On the CPU the products of a single token are no faster in bf16, but the quantised ones need it.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu":
        return torch.float32 if quantization == "none" else torch.bfloat16
    return torch.float16


def is_cpu_int8(quantization: str, device: torch.device) -> bool:
    """Return whether the engine packs the weights itself; see :mod:`infill_completion.engine.model.int8`."""
    return quantization == "int8" and device.type == "cpu" and int8.available()


def bitsandbytes_config(quantization: str, dtype: torch.dtype) -> Any:
    """Return the ``BitsAndBytesConfig`` for ``nf4`` or ``int8`` weights that are computed in ``dtype``."""
    import transformers

    BitsAndBytesConfig: Any = transformers.BitsAndBytesConfig
    # On the CPU it reports every cast of every product.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="MatMul8bitLt: inputs will be cast")
    if quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    # The default compute type is float32, which silently takes the slow path.
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )
