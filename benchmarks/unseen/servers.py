"""A row that a language server answers over stdio: an older version of ours, or somebody else's."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Any

from infill_server.commands.bench.quality.hole import CodeHole
from infill_server.commands.bench.quality.outcome import Outcome
from infill_server.errors import MeasurementError
from infill_server.harness import Editor

LOAD_DEADLINE_S = 600.0
# A busy machine must not change the answers, and a run may be stopped for minutes.
DEADLINE_MS = 120_000
# Nothing is asked but the holes: what would follow an answer is of no use here.
SETTINGS = {
    "engine.device": "cpu", "completion.temperature": 0.0, "completion.candidates": 1, "completion.ahead": "never",
    "completion.deadline_ms": DEADLINE_MS,
}  # fmt: skip


class ServerAnswers:
    """Asks one server for each folder, as an editor does; implements `benchmarks.unseen.answerers.Answerer`.

    The model is the one that the server chooses.

    Args:
        command: The server's command line.

    Attributes:
        subject: What answers.
    """

    def __init__(self, command: str) -> None:
        self._command = shlex.split(command)
        self.subject: dict[str, Any] = {"server": Path(self._command[0]).name, "arguments": self._command[1:]}
        self._editor: Editor | None = None
        self._folder = Path()

    async def answer(self, hole: CodeHole, number: int, folder: Path) -> Outcome:
        """Open the file with the hole, ask, and close it.

        Raises:
            MeasurementError: The server has no model.
        """
        del number  # a closed document is forgotten
        editor = await self._started(folder)
        document = editor.open(hole.path, hole.language_id, hole.prefix + hole.suffix, len(hole.prefix))
        started = time.perf_counter()
        items = await editor.inline(document, invoked=True)
        elapsed_ms = (time.perf_counter() - started) * 1000
        editor.close(document)
        return Outcome(hole, editor.ghost(document, items[0]) if items else None, 0.0, elapsed_ms)

    async def aclose(self) -> None:
        """End the server."""
        if self._editor is not None:
            await self._editor.stop()
            self._editor = None

    async def _started(self, folder: Path) -> Editor:
        if self._editor is not None and folder == self._folder:
            return self._editor
        await self.aclose()
        self._editor, self._folder = Editor(SETTINGS, self._command), folder
        await self._editor.start(folder)
        status = await self._editor.loaded(LOAD_DEADLINE_S)
        if status.kind != "Normal":
            raise MeasurementError(f"{self._command[0]} has no model: {status.reason}")
        return self._editor
