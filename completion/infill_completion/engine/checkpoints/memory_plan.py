"""``python -P -m infill_completion.engine.checkpoints.memory_plan``: print the model this machine would load, as JSON.

The language server runs it in a process of its own, because it never imports torch itself.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.catalog import (
    MODELS,
    SMALL_MODEL,
    KnownModel,
    ModelSpeed,
    Option,
    Quantization,
    Support,
    better_to_pull,
)
from infill_completion.engine.checkpoints import devices, precision
from infill_completion.engine.checkpoints.packed_weights import weights_of
from infill_completion.engine.checkpoints.precision import Weights
from infill_completion.engine.checkpoints.selection import (
    choose_automatically,
    deadline_ms,
    found_models,
    room,
    speed_here,
    user_settings,
)
from infill_completion.engine.errors import ModelError
from infill_completion.settings import EngineSettings

environment.prepare()


@dataclass(frozen=True)
class MemoryPlan:
    """The meaning of ``engine.model: auto`` on this machine.

    Attributes:
        device: Device that models run on.
        free_bytes: Memory that is free there now; None if unknown.
        model: The chosen model.
        quantization: Its quantization.
        problem: Why there is no model, as a sentence; otherwise empty.
        deadline_ms: The time that an answer may take.
        line_ms: How long the chosen model takes for the rest of a line; None if unknown.
        is_measured: Whether that was measured here.
        passed_over: ``[model, reason]`` of the models that are here and were not taken.
        better: Id of a model that would be better and is not here; may be empty.
        lines_ms: How long each known model takes, or would take, for the rest of a line, by id.
    """

    device: str = ""
    free_bytes: int | None = None
    model: str = ""
    quantization: str = ""
    problem: str = ""
    deadline_ms: int = 0
    line_ms: float | None = None
    is_measured: bool = False
    passed_over: list[tuple[str, str]] = field(default_factory=list)
    better: str = ""
    lines_ms: dict[str, float] = field(default_factory=dict)


def memory_plan(settings: EngineSettings) -> MemoryPlan:
    """Return the device and the model that the settings mean on this machine now."""
    try:
        device = devices.choose_device(settings.device)
        devices.make_current(device)
        chosen, choice = choose_automatically(settings, device)
    except ModelError as error:
        return MemoryPlan(problem=str(error))
    name = chosen.name if chosen is not None else "embedded"
    free, speeds = devices.free_bytes(device), known_speeds(settings, device)
    better = better_to_pull(_absent(settings, device, speeds), room(device), chosen.model if chosen else None)
    own = choice.option.speed if choice.option is not None else None
    if own is not None and chosen is not None:
        speeds[chosen.model.id] = own
    weights = None if chosen is None or chosen.folder is None else weights_of(chosen.folder)
    return MemoryPlan(
        str(device), free, name, precision.choose_quantization(settings.quantization, device, name, weights),
        deadline_ms=deadline_ms(),
        line_ms=None if own is None else own.line_ms,
        is_measured=own is not None and own.is_measured,
        passed_over=[(each.model, each.reason) for each in choice.passed_over],
        better="" if better is None else better.model.id,
        lines_ms={model: speed.line_ms for model, speed in speeds.items()},
    )  # fmt: skip


def known_speeds(settings: EngineSettings, device: torch.device) -> dict[str, ModelSpeed]:
    """Return the speed of each known model on a device, measured or estimated."""
    found = {}
    for model in MODELS:
        quantization = precision.choose_quantization(settings.quantization, device, model.id, _expected(model))
        if (speed := speed_here(model, quantization, device)) is not None:
            found[model.id] = speed
    return found


def _expected(model: KnownModel) -> Weights:
    """Return what is known about the weights of a model that is not here."""
    weights, is_small = 0 if model.shape is None else model.shape.linear_weights, model is SMALL_MODEL
    # The small model comes in 4 bits.
    return Weights(weights, is_small, is_packable=model.shape is not None, has_groups=is_small)


def _absent(settings: EngineSettings, device: torch.device, speeds: dict[str, ModelSpeed]) -> list[Option]:
    """Return the models that are not here and could run, with the memory that follows from their shapes."""
    present = {each.model.id for each in found_models(settings, device) if each.folder is not None}
    options = []
    for model in MODELS:
        can_run = model.support is Support.INFILLS or model is SMALL_MODEL
        if model.id in present or not can_run or model.shape is None:
            continue
        quantization = precision.choose_quantization(settings.quantization, device, model.id, _expected(model))
        dtype = precision.choose_dtype(device, quantization)
        held = Quantization.BF16 if quantization == "none" else Quantization(quantization)
        needed = model.shape.weight_bytes(held) * max(1, dtype.itemsize // 2 if held is Quantization.BF16 else 1)
        needed += model.shape.kv_bytes(settings.context_tokens, dtype.itemsize)
        options.append(Option(model, needed, speeds.get(model.id)))
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the plan."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    print(json.dumps(asdict(memory_plan(replace(user_settings().engine, model="auto")))))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
