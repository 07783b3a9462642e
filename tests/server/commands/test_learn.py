"""``infill-ls learn list`` and ``forget``."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infill_completion.catalog import learned
from infill_completion.catalog.learned import Learned
from infill_completion.settings import Settings
from infill_server.cli import EXIT_USAGE, main


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def keep(repository: Path, *, is_used: bool = True) -> Path:
    (repository / ".git").mkdir(parents=True)
    (repository / "sub").mkdir()
    folder = learned.prepared_folder(repository)
    about = Learned(
        str(repository), "small", "c0ffee", "f", "2026-01-02T03:04:05+00:00", 9.5, 1000, 40, 1.2, 1.1, 3, 5, is_used
    )
    (folder / learned.adapter_name(about)).write_bytes(b"x" * 1_000_000)
    learned.describe(folder, about)
    return folder


def test_nothing_was_learned(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["learn", "list"]) == 0
    assert "Nothing was learned" in capsys.readouterr().out
    assert main(["learn", "forget", "--all"]) == 0
    assert main(["learn", "forget", str(tmp_path)]) == EXIT_USAGE
    assert "Nothing was learned in" in capsys.readouterr().err
    assert main(["learn", "forget"]) == EXIT_USAGE
    assert "--all" in capsys.readouterr().err
    assert main(["learn", "now", str(tmp_path / "missing")]) == EXIT_USAGE


def learning(monkeypatch: pytest.MonkeyPatch, program: str) -> list[tuple[Path, list[Path]]]:
    """Let a program of Python take the place of the process that learns, and return what it is to learn."""
    asked: list[tuple[Path, list[Path]]] = []

    def command(_settings: Settings, folder: Path, roots: list[Path], *, ordered: bool) -> list[str]:
        assert ordered  # it ends with us
        asked.append((folder, roots))
        return [sys.executable, "-c", program]

    monkeypatch.setattr("infill_server.commands.learn.learn_command", command)
    return asked


def test_a_repository_is_learned_by_the_rules_of_the_current_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = learning(monkeypatch, "raise SystemExit(5)")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["learn", "now", "sub"]) == 5
    assert asked == [(tmp_path / "sub", [tmp_path])]


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Take Ctrl+C as in a terminal; programs that run in the background may not get it."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_learning_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "survived")
    survived = os.open(tmp_path / "survived", os.O_RDWR)
    # As a terminal does, it interrupts both processes.
    program = (
        "import os, signal, sys; os.kill(os.getpid(), signal.SIGINT); "
        f"os.write(os.open({str(tmp_path / 'survived')!r}, os.O_WRONLY), b'.'); sys.stdin.read()"
    )
    learning(monkeypatch, program)
    wait = subprocess.Popen.wait

    def interrupted(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        monkeypatch.setattr(subprocess.Popen, "wait", wait)
        assert select.select([survived], [], [], 60)[0]
        signal.raise_signal(signal.SIGINT)
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    assert main(["learn", "now", str(tmp_path)]) == 130
    assert capfd.readouterr().err == "infill-ls: Stopped; nothing new was kept.\n"
    os.close(survived)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_learning_that_was_killed_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    learning(monkeypatch, "import os; os.kill(os.getpid(), 9)")
    assert main(["learn", "now", str(tmp_path)]) == EXIT_USAGE
    assert "signal 9" in capfd.readouterr().err


def test_learning_does_not_outlive_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learning(monkeypatch, "")
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    assert main(["learn", "now", str(tmp_path)]) == 0
    assert started[0].stdin is not None  # a pipe; the process ends with it


@pytest.mark.skipif(os.name == "nt", reason="names there are Unicode")
def test_a_name_that_is_not_utf_8_is_listed(tmp_path: Path) -> None:
    keep(tmp_path / "caf\udce9")
    command = [sys.executable, "-P", "-m", "infill_server.cli", "learn", "list"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0
    assert "caf\\udce9" in done.stdout


def test_what_was_learned_is_listed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    used, unused = keep(tmp_path / "used"), keep(tmp_path / "unused", is_used=False)
    damaged = keep(tmp_path / "damaged")
    (damaged / learned.ABOUT).write_text("{")
    assert main(["learn", "list"]) == 0
    shown = capsys.readouterr().out
    assert f"{tmp_path / 'used'}\n  small, 2026-01-02T03:04:05+00:00, 9.5 min, 1.0 MB: used\n" in shown
    assert "not better, not used" in shown
    assert f"learn forget {damaged.name}" in shown
    assert list(used.glob("*.safetensors"))
    assert not list(unused.glob("*.safetensors"))
    assert main(["learn", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row.get("repository") for row in rows} == {str(tmp_path / "used"), str(tmp_path / "unused"), None}


@pytest.mark.parametrize("named_by", ["repository", "folder in it", "our folder", "all"])
def test_what_was_learned_is_deleted(capsys: pytest.CaptureFixture[str], tmp_path: Path, named_by: str) -> None:
    folder, other = keep(tmp_path / "one"), keep(tmp_path / "two")
    names = {
        "repository": str(tmp_path / "one"), "folder in it": str(tmp_path / "one" / "sub"), "our folder": folder.name,
        "all": "--all",
    }  # fmt: skip
    assert main(["learn", "forget", names[named_by]]) == 0
    assert not folder.exists()
    assert other.exists() is (named_by != "all")
    assert learned.adapter_path(tmp_path / "one") is None
    assert str(tmp_path / "one") in capsys.readouterr().out


def test_a_repository_that_was_deleted_can_be_forgotten(tmp_path: Path) -> None:
    folder = keep(tmp_path / "one")
    for name in ("sub", ".git", ""):
        (tmp_path / "one" / name).rmdir()
    assert main(["learn", "forget", str(tmp_path / "one")]) == 0
    assert not folder.exists()


def test_what_was_learned_is_deleted_behind_a_link(tmp_path: Path) -> None:
    folder = keep(tmp_path / "one")
    target = folder.rename(tmp_path / "other disk")
    folder.symlink_to(target)
    (target / "notes.txt").write_text("not ours")
    assert main(["learn", "forget", str(tmp_path / "one")]) == 0
    assert not folder.is_symlink()
    assert [file.name for file in target.iterdir()] == ["notes.txt"]


def test_what_can_be_deleted_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = sorted(keep(tmp_path / name) for name in ("one", "two", "three"))
    delete = learned.forget

    def forget(folder: Path) -> None:
        if folder == folders[0]:
            raise PermissionError(13, "Permission denied")
        delete(folder)

    monkeypatch.setattr(learned, "forget", forget)
    assert main(["learn", "forget", "--all"]) == EXIT_USAGE
    assert f"{folders[0]} cannot be deleted (Permission denied)" in capsys.readouterr().err
    assert [folder.exists() for folder in folders] == [True, False, False]
