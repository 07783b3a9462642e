"""``infill-ls engine status|stop``: the engines of this user, found by the connection files in the run directory."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from infill_completion.api import EngineState, EngineUnavailableError, Health
from infill_completion.client.engine import EngineClient, EngineGoneError, address_of
from infill_completion.client.process import lock_holder, terminate
from infill_completion.client.run_directory import EnginePaths, RunDirectoryError, paths_of, run_directory
from infill_completion.client.shutdown import ANSWER_DEADLINE_S, shut_down
from infill_server.errors import UsageError


@dataclass(frozen=True)
class RunningEngine:
    """A running engine and its files; ``health`` is None if it does not answer."""

    paths: EnginePaths
    pid: int | None
    health: Health | None

    @property
    def name(self) -> str:
        """The name to show to the user."""
        return (self.health.model if self.health else "") or "an engine"

    def line(self) -> str:
        """Return a one-line description for the user."""
        if self.health is None:
            return f"an engine that does not answer, process {self.pid}; end it with `infill-ls engine stop`"
        health, details = self.health, self.health.details
        parts = [f"{health.model} on {health.device}" if health.device else health.model or "no model yet"]
        if health.state is EngineState.LOADING and health.progress is not None:
            parts.append(f"loading ({health.progress:.0%})")
        else:
            parts.append(str(health.state))
        if details.get("quantization") not in {None, "none"}:
            parts.append(str(details["quantization"]))
        if "context_tokens" in details:
            parts.append(f"{details['context_tokens']} tokens of context")
        if details.get("resident_bytes"):
            parts.append(f"{details['resident_bytes'] / 2**20:.0f} MiB resident")
        parts.append(f"process {health.pid}")
        line = ", ".join(parts)
        return f"{line}: {health.reason}" if health.reason and health.state is not EngineState.LOADING else line


async def _running() -> list[RunningEngine]:
    """Return the running engines; the connection file of a killed engine does not count."""
    directory = run_directory()
    keys = sorted(file.stem for file in directory.glob("*.json"))
    found = await asyncio.gather(*(_find(paths_of(directory, key)) for key in keys))
    return [engine for engine in found if engine is not None]


async def _find(paths: EnginePaths) -> RunningEngine | None:
    address, pid = address_of(paths), lock_holder(paths)
    if address is None:
        return None
    client = EngineClient(address)
    try:
        health = await client.health(ANSWER_DEADLINE_S)
        return RunningEngine(paths, health.pid, health)
    except EngineGoneError:
        return None
    except EngineUnavailableError:
        return None if pid is None or pid != lock_holder(paths) else RunningEngine(paths, pid, None)
    finally:
        await client.aclose()


async def _end(engine: RunningEngine) -> bool:
    """End one engine and return whether it is gone; one that does not answer is terminated at once."""
    if engine.health is None:
        return engine.pid is not None and await terminate(engine.paths, engine.pid)
    return await shut_down(engine.paths, engine.pid)


def _run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    try:
        return asyncio.run(work())
    except RunDirectoryError as error:
        raise UsageError(str(error)) from error


def running() -> list[RunningEngine]:
    """Return the running engines of this user.

    Raises:
        UsageError: The run directory cannot be used.
    """
    found: list[RunningEngine] = _run(_running)
    return found


def status() -> int:
    """Print the running engines; the exit code is 0 even if there are none."""
    engines = running()
    for engine in engines:
        print(engine.line())  # noqa: T201
        print(f"  log: {engine.paths.log}")  # noqa: T201
    if not engines:
        print("No engine is running; the first request starts one.")  # noqa: T201
    return 0


def stop() -> int:
    """End all engines of this user and wait until they are gone; the exit code is 1 if one is still running."""
    return int(_run(_stop))


async def _stop() -> int:
    engines = await _running()
    are_gone = await asyncio.gather(*(_end(engine) for engine in engines))
    for engine, gone in zip(engines, are_gone, strict=True):
        pid = engine.pid
        if gone:
            print(f"Ended {engine.name} (process {pid}).")  # noqa: T201
        else:
            print(f"infill-ls: Process {pid} has not ended; end it with `kill -9 {pid}`.", file=sys.stderr)  # noqa: T201
    if not engines:
        print("No engine is running.")  # noqa: T201
    return int(not all(are_gone))
