"""The lock and the run directory: only one engine runs per settings, and other users are kept out."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infill_completion.catalog.local import cached_names, quantised_names
from infill_completion.client.connection_file import ConnectionInfo, read_connection_file, write_connection_file
from infill_completion.client.engine import address_of
from infill_completion.client.run_directory import (
    RunDirectoryError,
    check_writable,
    engine_key,
    engine_paths,
    run_directory,
)
from infill_completion.engine.process.lock import FileLock
from infill_completion.settings import EngineSettings, config_path, read_config

_HOLD = """
import sys
from pathlib import Path
from typing import Any
from infill_completion.engine.process.lock import FileLock
print(FileLock(Path(sys.argv[1])).acquire(), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def runtime_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    base = tmp_path / "run"
    base.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return base


def test_one_process_holds_the_lock_until_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    command = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "True\n"
        lock = FileLock(path)
        assert not lock.acquire()
        assert lock.holder() == first.pid
        first.kill()
        first.wait()
        assert lock.acquire()
        assert lock.holder() == os.getpid()
    lock.release()
    assert path.exists()


def test_a_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "a.lock"), FileLock(tmp_path / "a.lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()


def test_engines_are_named_by_the_settings_that_change_their_answers() -> None:
    settings = EngineSettings()
    assert engine_key(settings) == engine_key(EngineSettings())
    changes: dict[str, Any] = {"model": "x", "quantization": "nf4", "device": "cpu", "context_tokens": 64}
    keys = {engine_key(replace(settings, **{name: value})) for name, value in changes.items()}
    assert len(keys | {engine_key(settings)}) == 5
    same: dict[str, Any] = {
        "idle_unload_s": 1.0,
        "idle_exit_s": 2.0,
        "url": "http://x",
        "api": "ollama",
        "api_key_env": "KEY",
        "proxy": "http://proxy:1",
        "ca_file": "ca.pem",
        "format": "qwen2.5-coder",
    }
    for name, value in same.items():
        assert engine_key(replace(settings, **{name: value})) == engine_key(settings)


def test_another_version_has_another_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    before = engine_key(EngineSettings())
    monkeypatch.setattr("infill_completion.client.run_directory.__version__", "99")
    assert engine_key(EngineSettings()) != before


def test_the_directory_is_closed_to_other_users(runtime_dir: Path) -> None:
    assert run_directory() == runtime_dir / "infill-ls"
    assert (runtime_dir / "infill-ls").stat().st_mode & 0o777 == 0o700


def test_a_directory_that_other_users_can_read_is_closed(runtime_dir: Path) -> None:
    (runtime_dir / "infill-ls").mkdir(mode=0o755)
    assert run_directory().stat().st_mode & 0o777 == 0o700


def test_a_directory_that_other_users_can_write_to_is_refused(runtime_dir: Path) -> None:
    (runtime_dir / "infill-ls").mkdir()
    (runtime_dir / "infill-ls").chmod(0o777)
    with pytest.raises(RunDirectoryError, match="Other users can write"):
        run_directory()


def test_a_link_to_elsewhere_is_refused(runtime_dir: Path, tmp_path: Path) -> None:
    (runtime_dir / "infill-ls").symlink_to(tmp_path)
    with pytest.raises(RunDirectoryError, match="is not a directory"):
        run_directory()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused(runtime_dir: Path) -> None:
    (runtime_dir / "infill-ls").mkdir(mode=0o700)
    os.chown(runtime_dir / "infill-ls", 12345, 12345)
    with pytest.raises(RunDirectoryError, match="belongs to another user"):
        run_directory()


@pytest.mark.parametrize("value", ["", "relative/path", "/does/not/exist"])
def test_without_a_runtime_directory_the_cache_is_used_and_never_tmpdir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", value)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    assert run_directory() == tmp_path / "cache" / "infill-ls" / "run"


def test_without_any_variable_it_is_in_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run_directory() == tmp_path / ".cache" / "infill-ls" / "run"


def test_a_user_without_a_home_is_told_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for variable in (
        "XDG_RUNTIME_DIR",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "HF_HOME",
        "HF_HUB_CACHE",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("INFILL_LS_CONFIG", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunDirectoryError, match="set HOME or XDG_RUNTIME_DIR"):
        run_directory()
    # The current folder may contain a stranger's files.
    (tmp_path / "~/.config/infill-ls").mkdir(parents=True)
    (tmp_path / "~/.config/infill-ls/config.toml").write_text("[engine]\nurl = 'http://stranger'\n")
    assert read_config(config_path()) == ({}, [])
    assert (cached_names(), quantised_names()) == ([], [])


def test_a_directory_in_which_no_file_can_be_created_is_named(runtime_dir: Path) -> None:
    check_writable(run_directory())
    assert list(run_directory().iterdir()) == []
    with pytest.raises(RunDirectoryError, match=r"No file can be written and locked in /.*; free some space"):
        check_writable(runtime_dir / "gone")


def test_the_socket_can_be_bound(runtime_dir: Path) -> None:
    paths = engine_paths(EngineSettings())
    assert paths.socket is not None
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(paths.socket))


def test_tcp_is_used_where_the_path_is_too_long_for_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    paths = engine_paths(EngineSettings())
    assert paths.socket is None
    write_connection_file(paths, ConnectionInfo(1, "0", {}, "127.0.0.1", 4711, "secret"))
    address = address_of(paths)
    assert address is not None
    assert (str(address), address.token) == ("http://127.0.0.1:4711", "secret")


def test_the_connection_file_is_readable_only_by_its_user() -> None:
    paths = engine_paths(EngineSettings())
    assert read_connection_file(paths) is None
    info = ConnectionInfo(1, "0", {"model": "x"}, "127.0.0.1", 4711, "secret")
    write_connection_file(paths, info)
    assert read_connection_file(paths) == info
    assert paths.connection_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in paths.directory.iterdir()] == [paths.connection_file.name]
    paths.connection_file.write_text("{}")
    assert read_connection_file(paths) is None
