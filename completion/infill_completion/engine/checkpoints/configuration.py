"""Checks ``config.json`` before anything is loaded: what it asks for, and whether its numbers are any."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infill_completion.catalog import ModelShape
from infill_completion.engine.checkpoints.weights import check_types, tensor_sizes
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model.architecture import architecture_of


def check_configuration(folder: Path) -> None:
    """Check the configuration of a checkpoint, and that its weights are of the kind that it says.

    Raises:
        ModelError: It is damaged, or the decoder does not compute what the model does.
    """
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text("utf-8"))
        eps = architecture_of(config).eps
        layers = ModelShape.of(config).layers
        _check("max_position_embeddings", config["max_position_embeddings"], kinds=(int,))
        _check("eps", eps, below=1.0)
        _check_rotary(config)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        what = (
            str(error) if isinstance(error, (KeyError, ValueError)) and len(str(error)) < 60 else type(error).__name__
        )
        raise ModelError(f"{file} is damaged ({what}); fetch the model again, or choose another one.") from error
    if layers > len(tensor_sizes(folder)):
        raise ModelError(f"{file} asks for more layers than there are weights; fetch the model again.")
    if not config.get("quantization_config"):
        check_types(folder)


def _check_rotary(config: Mapping[str, Any]) -> None:
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    for entries, key in ((config, "rope_theta"), (rope, "rope_theta"), (rope, "factor")):
        if entries.get(key) is not None:
            _check(key, entries[key])


def _check(name: str, number: Any, *, below: float = math.inf, kinds: tuple[type, ...] = (int, float)) -> None:
    """Raise ValueError unless a number is positive and finite."""
    if type(number) not in kinds or not 0 < number < below:
        raise ValueError(name)
