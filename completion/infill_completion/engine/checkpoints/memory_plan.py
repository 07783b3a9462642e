"""``python -P -m infill_completion.engine.checkpoints.memory_plan``: print the model this machine would load, as JSON.

The language server runs it in a process of its own, because it never imports torch itself.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
from infill_completion.engine.checkpoints import devices, precision
from infill_completion.engine.checkpoints.selection import choose_model
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
    """

    device: str = ""
    free_bytes: int | None = None
    model: str = ""
    quantization: str = ""
    problem: str = ""


def memory_plan(settings: EngineSettings) -> MemoryPlan:
    """Return the device and the model that the settings mean on this machine now."""
    try:
        device = devices.choose_device(settings.device)
        name, _folder = choose_model(settings, device)
    except ModelError as error:
        return MemoryPlan(problem=str(error))
    quantization = precision.choose_quantization(settings.quantization, device, name)
    return MemoryPlan(str(device), devices.free_bytes(device), name, quantization)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the plan."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    print(json.dumps(asdict(memory_plan(EngineSettings()))))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
