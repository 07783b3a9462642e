"""``python -P -m infill_completion.engine.checkpoints.memory_plan``: what this machine would load, as one line of JSON.

For the language server's side, which has no torch of its own.
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
    """What ``engine.model: auto`` means here.

    Attributes:
        device: Where models run.
        free_bytes: What is free there now; None where nobody can tell.
        model: The model that is taken.
        quantization: How it is held.
        problem: Why there is none, as a sentence; empty otherwise.
    """

    device: str = ""
    free_bytes: int | None = None
    model: str = ""
    quantization: str = ""
    problem: str = ""


def memory_plan(settings: EngineSettings) -> MemoryPlan:
    """Return what the settings mean on this machine now."""
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
