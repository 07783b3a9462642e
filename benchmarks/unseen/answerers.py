"""What answers a row at a hole."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from benchmarks.unseen.rows import LocalAnswers
from infill_completion.document.snapshot import Trigger
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
    """

    def __init__(self, engine: LocalAnswers, settings: Settings) -> None:
        self.subject = engine.subject
        self._engine, self._settings = engine, settings

    async def answer(self, hole: CodeHole, number: int, folder: Path) -> Outcome:
        """Complete a hole with a new completer, which remembers no other."""
        await self._engine.open(hole.path, folder)
        completer = Completer(self._engine, self._settings, is_steady=True)
        try:
            return await complete(completer, hole, number, Trigger.INVOKED)
        finally:
            await completer.aclose()

    async def aclose(self) -> None:
        """Keep the model for the next folder."""
