"""Learning while the user is idle: when it begins, that a request halts it, and which adapter a window then uses."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from infill_completion.catalog import learned
from infill_completion.catalog.learned import Learned
from infill_completion.catalog.learned_rules import hashes_of, note_rules
from infill_completion.settings import EngineSettings, PrivacySettings, Settings
from infill_server.learning import idle_learning
from infill_server.learning.adapters import with_learned
from infill_server.learning.idle_learning import AGAIN_S, DOUBT_S, IDLE_S, IdleLearning

ON = Settings(engine=EngineSettings(learn=True))
# Reports its start and each order that it gets.
PROCESS = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as report:
    report.sendall(b"started\\n")
    for line in sys.stdin:
        report.sendall(line.encode())
"""
DEADLINE_S = 60.0


class Desk:
    """A window, its clock, and a process in the place of the engine's."""

    def __init__(self, tmp_path: Path, settings: Settings, *, is_busy: bool = False) -> None:
        self.now, self.settings, self.is_busy = 1000.0, settings, is_busy
        self.reports: asyncio.Queue[str] = asyncio.Queue()
        self.learned_count = 0
        self.root = tmp_path / "repo"
        (self.root / ".git").mkdir(parents=True)
        self.roots = [self.root / "sub", self.root]
        self.engine: EngineSettings | None = with_learned(settings, self.roots).engine
        self.learning = IdleLearning(
            lambda: self.settings, lambda: self.roots, self.count, lambda: self.engine,
            clock=lambda: self.now, is_busy=self.asked_whether_busy,
        )  # fmt: skip

    def asked_whether_busy(self, is_learning: bool) -> bool:
        assert is_learning is (self.is_learning() and not self.learning._is_halted)
        return self.is_busy

    def count(self) -> None:
        self.learned_count += 1
        self.engine = with_learned(self.settings, self.roots).engine

    def adapter(self) -> str | None:
        """Return the adapter in use."""
        assert self.engine is not None
        return self.engine.adapter

    def is_learning(self) -> bool:
        return self.learning._process is not None

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self.learning._process is not None
        return self.learning._process

    async def look_after(self, seconds: float) -> None:
        self.now += seconds
        await self.learning.look()

    async def report(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take what a process reports."""
        async for line in reader:
            self.reports.put_nowait(line.decode().strip())
        writer.close()

    async def seen(self, *lines: str) -> None:
        """Wait for the next reports of the process."""
        async with asyncio.timeout(DEADLINE_S):
            assert [await self.reports.get() for _ in lines] == list(lines)
        assert self.reports.empty()

    async def ended(self, code: int) -> None:
        """End the process and wait for it."""
        assert self.process.stdin is not None
        if code == 0:
            self.process.stdin.close()
        else:
            self.process.kill()
        async with asyncio.timeout(DEADLINE_S):
            await self.process.wait()


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = Desk(tmp_path, ON)

    def command(settings: Settings, folder: Path, roots: Sequence[Path], *, ordered: bool, only_new: bool) -> list[str]:
        assert ordered
        assert only_new
        assert folder == made.root  # the repository, not the folder in it
        assert roots == [made.root / "sub", made.root]
        return [sys.executable, "-c", PROCESS, str(port), *settings.privacy.ignore]

    monkeypatch.setattr("infill_completion.client.launch.learn_command", command)
    async with await asyncio.start_server(made.report, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield made
        await made.learning.aclose()


async def test_it_begins_when_the_user_has_been_idle(desk: Desk) -> None:
    await desk.look_after(IDLE_S - 1)
    assert not desk.is_learning()
    desk.learning.requested()
    await desk.look_after(IDLE_S - 1)
    assert not desk.is_learning()
    await desk.look_after(2)
    assert desk.is_learning()
    await desk.seen("started")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_it_does_not_run_in_the_workspace(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.root)
    await desk.look_after(IDLE_S)
    await desk.seen("started")
    assert Path(f"/proc/{desk.process.pid}/cwd").resolve() == learned.learned_folder().resolve()


async def test_a_request_halts_it_and_silence_lets_it_go_on(desk: Desk) -> None:
    await desk.look_after(IDLE_S)
    await desk.seen("started")
    desk.learning.requested()
    desk.learning.requested()
    await desk.seen("pause")
    await desk.look_after(IDLE_S - 1)
    assert desk.is_learning()
    await desk.look_after(1)
    await desk.seen("go")
    desk.learning.requested()
    await desk.seen("pause")


async def test_a_process_that_ended_well_is_reported_once(desk: Desk) -> None:
    await desk.look_after(IDLE_S)
    await desk.seen("started")
    await desk.ended(0)
    await desk.look_after(10)
    await desk.look_after(10)
    assert desk.learned_count == 1
    assert not desk.is_learning()
    await desk.look_after(AGAIN_S)
    assert desk.is_learning()


async def test_a_process_that_failed_may_have_deleted_what_was_learned(desk: Desk) -> None:
    await desk.look_after(IDLE_S)
    await desk.ended(1)
    await desk.look_after(10)
    assert desk.learned_count == 1
    await desk.look_after(IDLE_S)
    assert not desk.is_learning()  # not again at once


@pytest.mark.parametrize("why", ["off", "remote", "busy"])
async def test_it_does_not_begin(desk: Desk, why: str) -> None:
    if why == "busy":
        desk.is_busy = True
    else:
        changes = {"learn": False} if why == "off" else {"url": "http://127.0.0.1:9"}
        desk.settings = replace(ON, engine=replace(ON.engine, **changes))
    await desk.look_after(2 * IDLE_S)
    assert not desk.is_learning()


async def test_switching_it_off_ends_it(desk: Desk) -> None:
    await desk.look_after(IDLE_S)
    process = desk.process
    desk.settings = Settings()
    await desk.look_after(1)
    assert process.returncode is not None
    assert not desk.is_learning()


async def test_the_end_of_a_window_ends_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_learning, "POLL_S", 0.01)
    desk.now += IDLE_S
    running = asyncio.ensure_future(desk.learning.run())
    await desk.seen("started")
    process = desk.process
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert process.returncode is not None


async def test_other_rules_end_it_and_let_it_begin_again(desk: Desk) -> None:
    await desk.look_after(IDLE_S)
    await desk.seen("started")
    former = desk.process
    desk.settings = replace(ON, privacy=PrivacySettings(ignore=("internal/**",)))
    await desk.look_after(1)
    assert former.returncode is not None
    await desk.look_after(1)
    await desk.seen("started")
    await desk.ended(0)
    await desk.look_after(1)
    desk.settings = replace(ON, privacy=PrivacySettings(ignore=("other/**",)))  # may delete what was learned
    await desk.look_after(1)
    await desk.seen("started")


async def test_other_programs_halt_it(desk: Desk) -> None:
    await desk.look_after(IDLE_S)
    await desk.seen("started")
    desk.is_busy = True
    await desk.look_after(10)
    await desk.look_after(10)
    await desk.seen("pause")
    desk.is_busy = False
    await desk.look_after(10)
    await desk.seen("go")
    desk.learning.requested()
    await desk.seen("pause")
    desk.is_busy = True
    await desk.look_after(IDLE_S)
    desk.is_busy = False
    await desk.look_after(10)
    await desk.seen("go")


async def test_a_request_in_another_window_halts_it(desk: Desk) -> None:
    other = IdleLearning(lambda: desk.settings, tuple, desk.count, lambda: None, clock=lambda: desk.now)
    await desk.look_after(IDLE_S)
    await desk.seen("started")
    other.requested()
    desk.learning.watch()
    await desk.seen("pause")
    await desk.look_after(IDLE_S - 1)
    desk.learning.requested()  # its own are no others'
    desk.learning.watch()
    await desk.look_after(IDLE_S)
    await desk.seen("go")


async def test_it_does_not_begin_while_the_user_works_in_another_window(desk: Desk) -> None:
    learned.prepared_learned_folder()
    other = IdleLearning(lambda: desk.settings, tuple, desk.count, lambda: None, clock=lambda: desk.now)
    for _ in range(3):
        desk.now += IDLE_S - 1
        other.requested()
        await desk.look_after(1)
        assert not desk.is_learning()
    await desk.look_after(IDLE_S)
    assert desk.is_learning()


async def test_what_others_learn_or_delete_is_noticed(desk: Desk) -> None:
    await desk.look_after(1)
    keep_adapter(desk.root)
    await desk.look_after(1)
    assert desk.learned_count == 0  # the engine is not replaced while the user types
    desk.is_busy = True
    await desk.look_after(IDLE_S)
    await desk.look_after(1)
    assert desk.learned_count == 1
    desk.learning.requested()
    learned.forget(learned.folder_of(desk.root))
    await desk.look_after(1)
    await desk.look_after(1)
    assert desk.learned_count == 2  # at once


async def test_a_changed_rule_ends_the_use_of_an_adapter_and_is_looked_at_soon(desk: Desk) -> None:
    keep_adapter(desk.root)
    await desk.look_after(IDLE_S)
    await desk.ended(0)
    await desk.look_after(DOUBT_S)
    await desk.look_after(IDLE_S)
    assert not desk.is_learning()
    assert desk.adapter() is not None
    desk.learning.requested()
    (desk.root / ".gitignore").write_text("internal/\n")
    await desk.look_after(1)
    assert desk.adapter() is None  # the window does without it at once
    assert not desk.is_learning()
    await desk.look_after(IDLE_S)
    assert desk.is_learning()
    await desk.ended(1)
    await desk.look_after(IDLE_S)
    await desk.look_after(DOUBT_S - IDLE_S - 1)
    assert not desk.is_learning()
    await desk.look_after(1)
    assert desk.is_learning()


async def test_a_rule_that_changes_before_the_first_look_is_noticed(desk: Desk) -> None:
    keep_adapter(desk.root)
    desk.count()  # connects
    assert desk.adapter() is not None
    (desk.root / ".gitignore").write_text("internal/\n")
    await desk.look_after(10)
    assert desk.adapter() is None


@pytest.mark.parametrize("how", ["rule", "forgotten"])
async def test_what_was_learned_while_the_user_came_back_is_not_kept_against_a_rule(desk: Desk, how: str) -> None:
    await desk.look_after(IDLE_S)
    await desk.seen("started")
    keep_adapter(desk.root)
    desk.learning.requested()
    await desk.seen("pause")
    await desk.ended(0)
    await desk.look_after(5)
    assert desk.adapter() is not None
    if how == "rule":
        (desk.root / ".gitignore").write_text("internal/\n")
    else:
        learned.forget(learned.folder_of(desk.root))
    desk.learning.requested()
    await desk.look_after(10)
    assert desk.adapter() is None


async def test_another_repository_does_not_hide_that_a_rule_has_changed(desk: Desk, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / ".git").mkdir(parents=True)
    desk.roots.append(other)
    keep_adapter(desk.root)
    keep_adapter(other)
    desk.count()
    assert str(learned.folder_of(desk.root)) in str(desk.adapter())
    (desk.root / ".gitignore").write_text("internal/\n")
    desk.learning.requested()
    await desk.look_after(10)
    assert str(learned.folder_of(other)) in str(desk.adapter())


async def test_an_unconnected_window_waits_for_its_engine(desk: Desk) -> None:
    desk.engine = None
    keep_adapter(desk.root)
    await desk.look_after(10)
    assert desk.learned_count == 0


def keep_adapter(top: Path) -> Learned:
    """Keep an adapter for a repository, and return its description."""
    about = Learned(str(top), "small", "c", "f", "2026-01-02T03:04:05+00:00", 1.0, 2, 3, 2.0, 1.0, 1, 2, True)
    folder = learned.prepared_folder(top)
    (folder / learned.adapter_name(about)).write_bytes(b"")
    note_rules(folder, ON.privacy.ignore, [top, top / "sub"], hashes_of([top / ".gitignore"]))
    learned.describe(folder, about)
    return about


@pytest.mark.parametrize(("load", "is_learning", "is_busy"), [
    (0.9, False, False), (1.1, False, True), (2.9, True, False), (3.1, True, True),
])  # fmt: skip
def test_its_own_load_is_not_that_of_others(
    monkeypatch: pytest.MonkeyPatch, load: float, is_learning: bool, is_busy: bool
) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (load, 9.0, 9.0), raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert idle_learning._is_busy(is_learning) is is_busy


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "sub").mkdir()
    return tmp_path / "repo"


def test_a_window_uses_what_was_learned_in_its_repository(repository: Path, tmp_path: Path) -> None:
    roots = [tmp_path / "elsewhere", repository / "sub"]
    assert with_learned(ON, roots) == ON
    about = keep_adapter(repository)
    folder = learned.folder_of(repository)
    assert with_learned(ON, roots).engine.adapter == str(folder / learned.adapter_name(about))
    assert with_learned(replace(ON, engine=replace(ON.engine, model="small")), roots).engine.adapter is not None
    for other in (
        Settings(), replace(ON, engine=replace(ON.engine, model="codellama/CodeLlama-7b-hf")),
        replace(ON, engine=replace(ON.engine, url="http://127.0.0.1:9")),
        replace(ON, engine=replace(ON.engine, adapter="own.safetensors")),
    ):  # fmt: skip
        assert with_learned(other, roots) == other
    learned.describe(folder, replace(about, is_used=False))
    assert with_learned(ON, roots) == ON
