"""The texts of ``benchmarks.llama_vim`` without an editor: what is shown to who types, and to who pauses at each key.

``python -m benchmarks.growing [--json FILE]``. Nothing depends on the machine's speed: each answer is awaited, and each
pause until nothing grows any more. The show-model is the shipped one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.llama_vim.texts import TEXTS, TypedText
from benchmarks.llama_vim.typed_keys import Screen, is_right, right_chars
from infill_completion.api import Engine
from infill_completion.document.snapshot import Snapshot
from infill_completion.settings import CompletionSettings, EngineSettings, Settings
from infill_completion.suggest.completer import Completer
from infill_server.commands.bench.machine import machine
from infill_server.commands.bench.quality.run import ready_engine

# Editors indent a new line by themselves.
_KEY = re.compile(r"\n *|.")
PATIENT_MS = 20_000


def snapshots(text: TypedText) -> Iterator[Snapshot]:
    """Yield the document after each key."""
    for version, key in enumerate(_KEY.finditer(text.typed), 1):
        before = text.before + text.typed[: key.end()]
        yield Snapshot(f"file:///{text.name}", version, "python", before + text.after, len(before))


async def screens(engine: Engine, settings: Settings, text: TypedText, *, pauses: bool) -> list[Screen]:
    """Return what is shown after each key."""
    completer = Completer(engine, settings)
    found = []
    for snapshot in snapshots(text):
        answer = await completer.complete(snapshot)
        if pauses:
            await completer.grow(snapshot, lambda: None)
            answer = await completer.complete(snapshot)
        ghost = answer.suggestions[0].text if answer.suggestions else ""
        before = snapshot.prefix
        found.append(Screen(0.0, ghost, before.count("\n"), len(before) - before.rfind("\n") - 1))
    await completer.aclose()
    return found


async def row(engine: Engine, settings: Settings, *, pauses: bool) -> dict[str, Any]:
    """Return the figures of all texts."""
    seen = [(screen, text.lines) for text in TEXTS for screen in await screens(engine, settings, text, pauses=pauses)]
    chars = [right_chars(screen, lines) for screen, lines in seen]
    rated = [is_right(screen, lines) for screen, lines in seen]
    return {
        "eagerness": settings.completion.eagerness,
        "pauses": pauses,
        "keys": len(seen),
        "visible": round(sum(screen.visible for screen, _ in seen) / len(seen), 4),
        "right": round(sum(one is True for one in rated) / sum(one is not None for one in rated), 4),
        "right_chars": round(sum(chars) / len(seen), 2),
        "other_chars": round(sum(len(screen.ghost) for screen, _ in seen) / len(seen) - sum(chars) / len(seen), 2),
    }


async def measure() -> list[dict[str, Any]]:
    """Return a row for each eagerness, typing and pausing."""
    settings = replace(Settings(), engine=EngineSettings(model="embedded"))
    rows = []
    async with ready_engine(settings) as (engine, _):
        for eagerness in ("low", "medium", "high"):
            completion = CompletionSettings(debounce_ms=0, deadline_ms=PATIENT_MS, eagerness=eagerness)
            for pauses in (False, True):
                rows.append(await row(engine, replace(settings, completion=completion), pauses=pauses))
                print(json.dumps(rows[-1]), flush=True)
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    found = {"machine": machine(""), "rows": asyncio.run(measure())}
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
