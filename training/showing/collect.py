"""Complete holes in projects, one after another, and write what the show-model sees of each suggestion.

``python -m training.showing.collect FOLDER... --out FILE.jsonl``; each folder is a project.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from infill_completion.document.snapshot import Snapshot, Trigger
from infill_completion.document.view import View
from infill_completion.settings import CompletionSettings, EngineSettings, Settings
from infill_completion.suggest.showing.features import features_of
from infill_server.commands.bench.quality.cutting import holes, read_sources
from infill_server.commands.bench.quality.hole import HoleKind
from infill_server.commands.bench.quality.outcome import Outcome
from infill_server.commands.bench.quality.run import run
from infill_server.commands.bench.source_files import source_files

MOST_FILES = 200
SEED = 11
# About what the engine sees.
PREFIX_CHARACTERS, SUFFIX_CHARACTERS = 8000, 3000


async def rows(project: Path, model: str, count: int) -> list[dict[str, Any]]:
    """Return a row for each suggestion in a project, whatever its confidence.

    Raises:
        MeasurementError: The engine failed, or its answers did not come.
    """
    completion = CompletionSettings(min_confidence=0.0, debounce_ms=0)
    settings = replace(Settings(), engine=EngineSettings(model=model), completion=completion)
    sources = read_sources(list(source_files(project))[:MOST_FILES])
    wanted = [
        hole
        for kind, share in ((HoleKind.REST, count), (HoleKind.LINE, count // 3))
        for hole in holes(sources, share, SEED, kind)
    ]
    measured = await run(settings, wanted, Trigger.AUTOMATIC)
    head = {"project": project.name, "model": measured.subject["model"]}
    return [head | _row(outcome, outcome.text) for outcome in measured.outcomes if outcome.text and outcome.confidence]


def _row(outcome: Outcome, text: str) -> dict[str, Any]:
    hole = outcome.hole
    snapshot = Snapshot("file:///hole", 1, hole.language_id, hole.prefix + hole.suffix, len(hole.prefix))
    features = features_of(View.of(snapshot, PREFIX_CHARACTERS, SUFFIX_CHARACTERS), text, outcome.confidence)
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
            for row in await rows(project.resolve(), options.model, options.count):
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("projects", nargs="+", type=Path)
    arguments.add_argument("--model", default="embedded")
    arguments.add_argument("--count", type=int, default=110, help="rests of lines in each project; lines are a third")
    arguments.add_argument("--out", type=Path, required=True)
    asyncio.run(main(arguments.parse_args()))
