"""Complete holes in projects, one after another, and write what the show-model sees of each suggestion.

``python -m training.showing.collect FOLDER... --out FILE.jsonl``; each folder is a project.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from infill_completion.api import Engine, EngineState
from infill_completion.client.connect import engine_for
from infill_completion.document.snapshot import Answer, Snapshot, Trigger
from infill_completion.document.view import View
from infill_completion.settings import CompletionSettings, EngineSettings, Settings
from infill_completion.suggest.completer import Completer
from infill_completion.suggest.showing.features import features_of
from infill_server.commands.bench.quality.cutting import holes, read_sources
from infill_server.commands.bench.quality.hole import CodeHole, HoleKind
from infill_server.commands.bench.quality.outcome import Outcome
from infill_server.commands.bench.source_files import source_files

LOAD_DEADLINE_S = 600.0
MOST_FILES = 200
SEED = 11
# About what the engine sees.
PREFIX_CHARACTERS, SUFFIX_CHARACTERS = 8000, 3000


async def rows(project: Path, model: str, count: int) -> AsyncIterator[dict[str, Any]]:
    """Yield a row for each suggestion in a project, whatever its confidence."""
    completion = CompletionSettings(min_confidence=0.0, debounce_ms=0)
    settings = replace(Settings(), engine=EngineSettings(model=model), completion=completion)
    sources = read_sources(list(source_files(project))[:MOST_FILES])
    wanted = [
        hole
        for kind, share in ((HoleKind.REST, count), (HoleKind.LINE, count // 3))
        for hole in holes(sources, share, SEED, kind)
    ]
    engine = engine_for(settings)
    await engine.start()
    health = await engine.wait_ready(LOAD_DEADLINE_S)
    if health.state is not EngineState.READY:
        raise RuntimeError(health.reason)
    try:
        for number, hole in enumerate(wanted):
            answer = await _answer(engine, settings, hole, number)
            if answer.suggestions and answer.suggestions[0].confidence is not None:
                yield {"project": project.name, "model": health.model, **_row(hole, answer)}
    finally:
        await engine.aclose()


async def _answer(engine: Engine, settings: Settings, hole: CodeHole, number: int) -> Answer:
    completer = Completer(engine, settings, is_steady=True)
    try:
        uri = f"{hole.path.as_uri()}#{number}"
        return await completer.complete(
            Snapshot(uri, 1, hole.language_id, hole.prefix + hole.suffix, len(hole.prefix), Trigger.AUTOMATIC)
        )
    finally:
        await completer.aclose()


def _row(hole: CodeHole, answer: Answer) -> dict[str, Any]:
    best = answer.suggestions[0]
    text = best.text[len(hole.prefix) - best.start :]
    assert best.confidence is not None
    snapshot = Snapshot("file:///hole", 1, hole.language_id, hole.prefix + hole.suffix, len(hole.prefix))
    view = View.of(snapshot, PREFIX_CHARACTERS, SUFFIX_CHARACTERS)
    features = features_of(view, text, best.confidence)
    outcome = Outcome(hole, text, best.confidence, 0.0)
    return {
        "language": hole.language_id,
        "kind": hole.kind.value,
        "features": [round(value, 5) for value in features],
        "is_right": outcome.is_exact,
        "saved": len(hole.wanted) - 1,
    }


async def main(options: argparse.Namespace) -> None:
    """Write the rows of all projects."""
    with options.out.open("w", encoding="utf-8") as file:
        for project in options.projects:
            async for row in rows(project.resolve(), options.model, options.count):
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("projects", nargs="+", type=Path)
    arguments.add_argument("--model", default="embedded")
    arguments.add_argument("--count", type=int, default=110, help="rests of lines in each project; lines are a third")
    arguments.add_argument("--out", type=Path, required=True)
    asyncio.run(main(arguments.parse_args()))
