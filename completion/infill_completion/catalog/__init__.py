"""Known models: shapes, what they can do, the memory they need, and which of them are on this machine."""

from infill_completion.catalog.choice import (
    AutoChoice,
    Option,
    PassedOver,
    Room,
    better_to_pull,
    choose,
    next_smaller,
)
from infill_completion.catalog.known import (
    CODE_LLAMA,
    MODELS,
    SMALL_MODEL,
    KnownModel,
    Support,
    download_bytes,
    find,
    identify,
)
from infill_completion.catalog.licences import Licence, licence
from infill_completion.catalog.local import (
    Presence,
    cached,
    hub_folder,
    names_of_folder,
    quantised,
    quantised_names,
    quantised_path,
)
from infill_completion.catalog.quality import QualityFigure, quality
from infill_completion.catalog.shape import FAMILIES, ModelShape, Quantization
from infill_completion.catalog.speed import DeviceSpeed, ModelSpeed, estimate
from infill_completion.catalog.speed_store import SpeedStore

__all__ = [
    "CODE_LLAMA",
    "FAMILIES",
    "MODELS",
    "SMALL_MODEL",
    "AutoChoice",
    "DeviceSpeed",
    "KnownModel",
    "Licence",
    "ModelShape",
    "ModelSpeed",
    "Option",
    "PassedOver",
    "Presence",
    "QualityFigure",
    "Quantization",
    "Room",
    "SpeedStore",
    "Support",
    "better_to_pull",
    "cached",
    "choose",
    "download_bytes",
    "estimate",
    "find",
    "hub_folder",
    "identify",
    "licence",
    "names_of_folder",
    "next_smaller",
    "quality",
    "quantised",
    "quantised_names",
    "quantised_path",
]
