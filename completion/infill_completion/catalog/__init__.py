"""Known models: shapes, what they can do, the memory they need, and which of them are on this machine."""

from infill_completion.catalog.known import CODE_LLAMA, MODELS, KnownModel, Support, find, identify
from infill_completion.catalog.local import (
    Presence,
    cached,
    hub_folder,
    names_of_folder,
    quantised,
    quantised_names,
    quantised_path,
)
from infill_completion.catalog.shape import ModelShape, Quantization

__all__ = [
    "CODE_LLAMA",
    "MODELS",
    "KnownModel",
    "ModelShape",
    "Presence",
    "Quantization",
    "Support",
    "cached",
    "find",
    "hub_folder",
    "identify",
    "names_of_folder",
    "quantised",
    "quantised_names",
    "quantised_path",
]
