"""The engine's connection of one window."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from infill_completion.api import Health
from infill_completion.document.snapshot import Snapshot
from infill_completion.document.workspace import NoDocuments
from infill_completion.settings import EngineSettings, Settings
from infill_completion.suggest.completer import Completer
from infill_server.engine_keeper import EngineKeeper

SCRIPT = """
import asyncio, sys, threading
from infill_completion.api import Health
from infill_completion.settings import EngineSettings, Settings
from infill_server.engine_keeper import EngineKeeper

imported = {}

class Finder:
    def find_spec(self, name, path=None, target=None):
        imported.setdefault(name, threading.current_thread() is threading.main_thread())

class Observer:
    def __init__(self):
        self.reported = asyncio.Event()
    def may_connect(self):
        return True
    def engine_replaced(self):
        pass
    def health_changed(self, health):
        self.reported.set()
    def internal_error(self, error):
        raise error

async def main():
    observer = Observer()
    settings = Settings(engine=EngineSettings(url=sys.argv[1] or None))
    keeper = EngineKeeper(None, lambda: settings, observer)
    sys.meta_path.insert(0, Finder())
    keeper.check()
    running = asyncio.create_task(keeper.run())
    async with asyncio.timeout(60):
        await observer.reported.wait()
    running.cancel()
    await keeper.aclose()

asyncio.run(main())
on_loop = [name for name, is_on_loop in imported.items() if is_on_loop]
print([name for name in on_loop if name.startswith("infill_completion.client.remote")])
print("infill_completion.client.remote.engine" in imported)
"""


async def test_the_remote_engine_is_imported_off_the_event_loop() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, "http://127.0.0.1:9", stdout=subprocess.PIPE
    )
    async with asyncio.timeout(120):
        output, _ = await process.communicate()
    assert output.decode().split("\n")[:2] == ["[]", "True"]


class Observer:
    """Permits every connection and waits for the first report of an engine."""

    def __init__(self) -> None:
        self.reported = asyncio.Event()

    def may_connect(self) -> bool:
        return True

    def engine_replaced(self) -> None:
        """Show nothing."""

    def health_changed(self, health: Health) -> None:
        self.reported.set()

    def internal_error(self, error: BaseException) -> None:
        raise error


async def test_a_remote_engine_that_is_about_to_be_replaced_gets_nothing_unasked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anticipated: list[str] = []

    async def anticipate(_completer: Completer, snapshot: Snapshot) -> None:
        anticipated.append(snapshot.uri)

    monkeypatch.setattr(Completer, "anticipate", anticipate)
    observer, settings = Observer(), Settings(engine=EngineSettings(url="http://127.0.0.1:9"))
    keeper = EngineKeeper(NoDocuments(), lambda: settings, observer)
    keeper.check()
    running = asyncio.create_task(keeper.run())
    async with asyncio.timeout(60):
        await observer.reported.wait()
    running.cancel()
    snapshot = Snapshot("file:///w/a.py", 1, "python", "x = ", 4)
    await keeper.anticipate(snapshot)
    settings = Settings()  # a local engine, which is not connected yet
    await keeper.anticipate(snapshot)
    assert keeper.completer is not None
    assert anticipated == []
    await keeper.aclose()
