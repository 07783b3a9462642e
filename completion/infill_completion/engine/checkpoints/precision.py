"""The precision of a loaded model: the quantization of its weights, and the type that it computes in."""

from __future__ import annotations

import logging
import warnings
from typing import Any, NamedTuple

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.engine.model import int8
from infill_completion.engine.model.native import build as native_build

environment.prepare()

# From here on a step in 4 bits saves more time than its rounding costs in quality; see docs/decisions.
INT4_FROM_WEIGHTS = 250_000_000


class Weights(NamedTuple):
    """What the choice of a quantization has to know about a model's weights.

    Attributes:
        in_layers: How many there are in the layers.
        is_gguf: Whether they are in a GGUF file.
        is_packable: Whether the engine can pack them in 4 bits for the CPU.
        has_groups: Whether they are in groups of 4 bits already, so that 4 bits lose nothing.
    """

    in_layers: int = 0
    is_gguf: bool = False
    is_packable: bool = False
    has_groups: bool = False


def choose_quantization(wanted: str, device: torch.device, name: str, weights: Weights | None = None) -> str:
    """Return ``nf4``, ``int8``, ``int4`` or ``none`` for the setting ``engine.quantization`` and the model ``name``.

    The automatic choice on CUDA is nf4, except for the embedded model, which is too small to gain from it.  On a CPU
    every token has to read all weights, so it is int4 or int8 if torch has the 8-bit products.  int4 needs the compiled
    step, and is int8 without it; on a GPU it means nf4.  The weights of a GGUF file are rounded already, so that only
    the CPU's own forms apply to them.
    """
    weights = weights or Weights()
    if device.type == "cpu":
        return _on_cpu(wanted, weights)
    if weights.is_gguf:
        return "none"
    if wanted == "int4":
        return "nf4"
    if wanted != "auto":
        return wanted
    return "nf4" if device.type == "cuda" and name != "embedded" else "none"


def _on_cpu(wanted: str, weights: Weights) -> str:
    if wanted == "none" or (wanted == "nf4" and not weights.is_gguf):
        return wanted
    if not int8.available():  # then int8 is that of bitsandbytes
        return "int8" if wanted in {"int8", "int4"} and not weights.is_gguf else "none"
    gains = wanted in {"int4", "nf4"} or weights.has_groups or weights.in_layers >= INT4_FROM_WEIGHTS
    return "int4" if wanted != "int8" and gains and weights.is_packable and native_build.is_possible() else "int8"


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
    """Return whether the engine packs the weights itself, in 8 bits or fewer.

    See :mod:`infill_completion.engine.model.int8` and :mod:`infill_completion.engine.model.int4`.
    """
    return quantization in {"int8", "int4"} and device.type == "cpu" and int8.available()


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
