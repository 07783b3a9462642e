"""What answers a row at a hole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from benchmarks.unseen.rows import LocalAnswers
from infill_completion.document.snapshot import Trigger
from infill_completion.document.workspace import NoDocuments
from infill_completion.settings import Settings
from infill_completion.suggest.completer import Completer
from infill_server.commands.bench.quality.hole import CodeHole
from infill_server.commands.bench.quality.outcome import Outcome
from infill_server.commands.bench.quality.run import complete


class Answerer(Protocol):
    """Answers at holes, on command.

    Attributes:
        subject: What answers, so that two parts of a run cannot differ in it.
    """

    subject: dict[str, Any]

    async def answer(self, hole: CodeHole, number: int, folder: Path) -> Outcome:
        """Return the suggestion at a hole in a file of ``folder``; ``number`` tells it from others in that file.

        Raises:
            MeasurementError: There is no model, or it failed.
        """

    async def aclose(self) -> None:
        """End what was started for the folder."""


class Pipeline:
    """Answers through the whole pipeline of this working tree; implements `Answerer`.

    Args:
        engine: The model.
        settings: The user's.
        has_files: Whether the hole's project is the workspace, so that parts of its other files are in the prompt.
    """

    def __init__(self, engine: LocalAnswers, settings: Settings, *, has_files: bool = False) -> None:
        self.subject = engine.subject | ({"files": True} if has_files else {})
        self._engine, self._settings, self._has_files = engine, settings, has_files
        self._completers: dict[tuple[Path, str], Completer] = {}

    async def answer(self, hole: CodeHole, number: int, folder: Path) -> Outcome:
        """Complete a hole; documents have names of their own, so that no other hole is remembered at it."""
        await self._engine.open(hole.path, folder)
        if self._has_files:
            return await complete(await self._in_project(hole, folder), hole, number, Trigger.INVOKED)
        completer = Completer(self._engine, self._settings, is_steady=True)
        try:
            return await complete(completer, hole, number, Trigger.INVOKED)
        finally:
            await completer.aclose()

    async def aclose(self) -> None:
        """Forget the projects; the model stays for the next folder."""
        for completer in self._completers.values():
            await completer.aclose()
        self._completers.clear()

    async def _in_project(self, hole: CodeHole, folder: Path) -> Completer:
        """Return the completer of a project and language, whose workspace is indexed."""
        project = folder / hole.path.relative_to(folder).parts[0]
        key = (project, hole.language_id)
        if key not in self._completers:
            completer = self._completers[key] = Completer(
                self._engine, self._settings, NoDocuments([project]), is_steady=True
            )
            empty = replace(hole, prefix="", suffix="")
            await complete(completer, empty, -1, Trigger.INVOKED)  # the first request of a workspace starts its index
            await completer.followed()
        return self._completers[key]
