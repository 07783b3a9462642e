"""What this project taught to a model of others: an adapter in the package, for a file that users fetch themselves."""

from __future__ import annotations

from pathlib import Path

from infill_completion.catalog.small import SMALL_BYTES, SMALL_FILE

TAUGHT = Path(__file__).parents[1] / "taught"
_ADAPTERS = {(SMALL_FILE, SMALL_BYTES): "small.safetensors"}


def taught_path(checkpoint: Path) -> Path | None:
    """Return the adapter for a checkpoint with this name and size; its metadata have the fingerprint to compare."""
    try:
        name = _ADAPTERS.get((checkpoint.name, checkpoint.stat().st_size))
    except OSError:
        return None
    return None if name is None else TAUGHT / name
