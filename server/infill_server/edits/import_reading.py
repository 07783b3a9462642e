"""Reads what the workspace's files import, in small pieces while nobody waits for anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infill_completion.context.source_walk import PAUSE_S

if TYPE_CHECKING:
    from infill_completion.edits.window import EditWindow
    from infill_completion.settings import Settings


class ImportReading:
    """The work in the background; there is one at a time.

    Args:
        run: Runs work on the thread of next edits.
        idle: Set while no suggestion is awaited.
        workspace: Returns the settings and the folders of the workspace.
    """

    def __init__(
        self,
        run: Callable[[Callable[[EditWindow], bool]], Awaitable[bool]],
        idle: asyncio.Event,
        workspace: Callable[[], tuple[Settings, Sequence[Path]]],
    ) -> None:
        self._run, self._idle, self._read_with = run, idle, workspace
        self._task: asyncio.Task[None] | None = None

    def start(self, language_id: str) -> None:
        """Read what is new for a language, unless something is being read."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._read(language_id))

    def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()

    async def _read(self, language_id: str) -> None:
        more = True
        while more:
            await self._idle.wait()
            settings, roots = self._read_with()
            more = await self._run(_piece(language_id, settings, roots))
            await asyncio.sleep(PAUSE_S)


def _piece(language_id: str, settings: Settings, roots: Sequence[Path]) -> Callable[[EditWindow], bool]:
    return lambda window: window.read_imports(language_id, settings, roots)
