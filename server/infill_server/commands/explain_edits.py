"""``infill-ls explain --edits``: what is proposed after the uncommitted changes of a file, and why nothing else is."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from infill_completion.client.connect import engine_for
from infill_completion.document.changes import ChangeClock, LineChange
from infill_completion.document.lines import line_at, split_lines
from infill_completion.document.snapshot import Snapshot
from infill_completion.edits.explained import EditExplanation
from infill_completion.edits.model_turn import ModelTurn, NoEngine
from infill_completion.edits.proposal import EditRequest, NextEditsAnswer
from infill_completion.edits.window import EditWindow
from infill_completion.privacy.rules import path_of
from infill_completion.prompt.rewriting.formats import edit_format_of_names
from infill_completion.settings import Settings
from infill_server.commands.bench.edit_history import hunks_of
from infill_server.commands.bench.git import Git, GitRefusedError
from infill_server.commands.headless import LOAD_DEADLINE_S, snapshot_at, workspace_of
from infill_server.commands.user_settings import user_settings
from infill_server.errors import UsageError
from infill_server.learning.adapters import with_learned

T = TypeVar("T")


def explain_edits(options: argparse.Namespace) -> int:
    """Print why there are or are not next edits at a location; a next-edit model is asked where its turn comes.

    Raises:
        UsageError: The location does not exist, or the file is in no commit.
    """
    snapshot = snapshot_at(options.place)
    path = path_of(snapshot.uri)
    assert path is not None
    settings, roots = user_settings(options), workspace_of(snapshot.uri)
    window, explanation = EditWindow(), EditExplanation(snapshot.uri)
    while window.read_imports(snapshot.language_id, settings, roots):
        pass
    changes = _changes(snapshot, _committed(path))
    window.follow(snapshot.uri, changes, is_broken=False, settings=settings, roots=roots)
    request = EditRequest(snapshot.uri, 0, snapshot.language_id, snapshot.text, snapshot.offset)
    answer = window.propose(request, (), settings, roots, lambda: False, explanation)
    if not answer.proposals:
        asyncio.run(_ask_model(window, request, answer, with_learned(settings, roots), roots, explanation))
    print(json.dumps(explanation.to_json()) if options.json else explanation.to_text())  # noqa: T201
    return 0


async def _ask_model(
    window: EditWindow,
    request: EditRequest,
    answer: NextEditsAnswer,
    settings: Settings,
    roots: Sequence[Path],
    explanation: EditExplanation,
) -> None:
    """Explain what a next-edit model is asked; no engine is started for one that is none by its name."""
    chosen = settings.engine
    is_known = chosen.url is not None or edit_format_of_names([chosen.model]) is not None
    engine = engine_for(settings) if is_known or settings.edits.format not in {"auto", "none"} else None

    async def run(work: Callable[[EditWindow], T]) -> T:
        return work(window)

    try:
        model = chosen.model
        if engine is not None:
            await engine.start()
            model = (await engine.wait_ready(LOAD_DEADLINE_S)).model
        turn = ModelTurn(engine or NoEngine(), model, settings, roots, run, lambda: False)
        explanation.silence = (await turn.take(request, answer, explanation)).silence
    finally:
        if engine is not None:
            await engine.aclose()


def _committed(path: Path) -> str:
    """Return the text of a file in the last commit."""
    try:
        return Git(path.parent)("cat-file", "blob", f"HEAD:./{os.fsdecode(path.name)}").decode("utf-8", "replace")
    except GitRefusedError as error:
        raise UsageError(f"{path.name} is in no commit; the example is taken from its uncommitted changes.") from error


def _changes(snapshot: Snapshot, committed: str) -> list[LineChange]:
    """Return the uncommitted changes of a file as if they had been made one by one, the nearest to the cursor last."""
    old, clock = split_lines(committed), ChangeClock()
    line = line_at(snapshot.text, snapshot.offset)
    hunks = list(hunks_of(old, split_lines(snapshot.text)))
    moved, placed = 0, []
    for first, end, new in hunks:
        placed.append((first + moved, first, end, new))
        moved += len(new) - (end - first)
    placed.sort(key=lambda hunk: -min(abs(line - hunk[0]), abs(line - hunk[0] - len(hunk[3]))))
    changes: list[LineChange] = []
    made: list[tuple[int, int]] = []
    for _, first, end, new in placed:
        now = first + sum(grown for other, grown in made if other < first)
        changes.append(LineChange(now, tuple(old[first:end]), new, clock.tick()))
        made.append((first, len(new) - (end - first)))
    return changes
