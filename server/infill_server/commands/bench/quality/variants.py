"""What is compared: prompt layouts, prompts with and without other files, or nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from infill_completion.client.shutdown import end_engine
from infill_completion.settings import ContextSettings, Settings

LAYOUTS: dict[str, dict[str, Any]] = {
    "spm": {"layout": "spm", "heal": False},
    "spm healed": {"layout": "spm", "heal": True},
    "psm": {"layout": "psm", "heal": False},
    "psm healed": {"layout": "psm", "heal": True},
    "line last": {"layout": "line_last", "heal": False},
    "line last healed": {"layout": "line_last", "heal": True},
}
WITHOUT_FILES = ContextSettings(open_documents=False, imports=False, recent_edits=False, workspace=False)
AS_SHIPPED = "as shipped"


@asynccontextmanager
async def variant(settings: Settings, folder: Path, changes: Mapping[str, Any]) -> AsyncIterator[Settings]:
    """Yield settings for a copy of the checkpoint in ``folder`` whose ``infill.json`` has ``changes``.

    The copy shares the weights and runs in an engine of its own, through the same code that users run.  A GGUF file has
    its settings beside it.
    """
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        is_file = folder.is_file()
        own = folder.with_suffix(".infill.json") if is_file else folder / "infill.json"
        for file in [folder] if is_file else folder.iterdir():
            if file.is_file() and file.name != own.name:
                (copy / file.name).symlink_to(file.resolve())
        written = json.loads(own.read_text(encoding="utf-8")) if own.exists() else {}
        (copy / own.name).write_text(json.dumps(written | dict(changes)), encoding="utf-8")
        model = copy / folder.name if is_file else copy
        changed = replace(settings, engine=replace(settings.engine, model=str(model)))
        try:
            yield changed
        finally:
            await end_engine(changed.engine)


def variants(comparison: str, settings: Settings) -> Iterator[tuple[str, dict[str, Any], Settings]]:
    """Yield name, changes of ``infill.json`` and settings of each variant.

    Args:
        comparison: ``layouts``: the prompt layouts; ``context``: with and without other files; ``nothing``: the model
            as it is, without a confidence threshold.
        settings: The settings that they share.
    """
    if comparison == "layouts":
        yield from ((name, changes, settings) for name, changes in LAYOUTS.items())
    elif comparison == "context":
        yield "no other files", {}, replace(settings, context=WITHOUT_FILES)
        yield "other files", {}, settings
    else:
        completion = replace(settings.completion, min_confidence=0.0, debounce_ms=0)
        yield AS_SHIPPED, {}, replace(settings, completion=completion)
