"""The next-edit model of the settings, asked while commits are replayed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from infill_completion.api import EngineState
from infill_completion.client.connect import engine_for
from infill_completion.edits.model_turn import ModelTurn
from infill_completion.edits.proposal import EditRequest, NextEditsAnswer
from infill_completion.edits.window import EditWindow
from infill_completion.settings import Settings
from infill_server.commands.headless import LOAD_DEADLINE_S
from infill_server.errors import UsageError

T = TypeVar("T")


class ReplayedModel:
    """The model, to be asked where the rules propose nothing; a context manager, since it may start an engine."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runner = asyncio.Runner()
        self._model = ""

    def __enter__(self) -> ReplayedModel:
        try:
            self._runner.run(self._start())
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._runner.run(self._engine.aclose())
        self._runner.close()

    def take(self, window: EditWindow, request: EditRequest, answer: NextEditsAnswer) -> NextEditsAnswer:
        """Return an answer with the proposals of the model, if it has none and the model makes any."""
        return self._runner.run(self._turn(window).take(request, answer))

    def _turn(self, window: EditWindow) -> ModelTurn:
        async def run(work: Callable[[EditWindow], T]) -> T:
            return work(window)

        return ModelTurn(self._engine, self._model, self._settings, (), run, lambda: False)

    async def _start(self) -> None:
        """Start or find the engine.

        Raises:
            UsageError: It failed, or its model is no next-edit model.
        """
        self._engine = engine_for(self._settings)
        await self._engine.start()
        health = await self._engine.wait_ready(LOAD_DEADLINE_S)
        self._model = health.model
        if health.state is EngineState.READY and self._turn(EditWindow()).form is not None:
            return
        await self._engine.aclose()
        if health.state is not EngineState.READY:
            raise UsageError(health.reason or "The engine is not available; run `infill-ls doctor`.")
        raise UsageError(f"{health.model} is no next-edit model by its name; choose one, or set edits.format.")
