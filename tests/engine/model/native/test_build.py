"""Building the compiled step: ready at once if it was built before, and torch's operators if it cannot be built."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import pytest

from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.native import build as native_build
from infill_completion.engine.model.native import compiler as native_compiler
from tests.engine.model.native.int8_models import (
    COMPILE_LIMIT_S,
    empty_cache,
    int8_tiny,
    needs_compiler,
    token_ids,
)

pytestmark = needs_compiler


def test_a_forward_pass_takes_the_step_up_as_soon_as_it_is_there(
    tmp_path: Path, folder: Path, library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, _ = int8_tiny(tmp_path)
    build = native_build.Build(folder)
    monkeypatch.setattr(native_build, "shared", lambda: build)
    monkeypatch.setattr(native_build.Build, "pending", True)
    forward_pass = ForwardPass(decoder)
    before = forward_pass.forward(token_ids(1, 4), empty_cache(decoder, 8), 0)
    assert forward_pass.native_step() is None
    monkeypatch.setattr(native_build.Build, "pending", False)
    after = forward_pass.forward(token_ids(1, 4), empty_cache(decoder, 8), 0)
    assert forward_pass.native_step() is not None
    assert 0 < (after - before).abs().max() < 0.05 * before.abs().max()


def test_a_library_that_was_compiled_before_is_there_at_once(folder: Path, native_library: ctypes.CDLL) -> None:
    build = native_build.Build(folder)
    assert not build.pending
    assert build.library is not None
    assert build.library._name == native_library._name


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose programs are found first."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


def program(file: Path, script: str) -> None:
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def fake_compiler(folder: Path, script: str) -> None:
    for name in ("cc", "gcc", "clang"):
        program(folder / name, script)


def ended(folder: Path) -> native_build.Build:
    build = native_build.Build(folder)
    assert build.wait(COMPILE_LIMIT_S)
    return build


@pytest.mark.parametrize("script", ["exit 1", "exit 0"], ids=["an error", "no output"])
def test_a_compiler_that_fails_leaves_torch_at_work(tools: Path, kept: Path, script: str) -> None:
    fake_compiler(tools, script)
    assert ended(kept).library is None
    assert not list(kept.iterdir())  # so that it is tried again next time


@pytest.mark.parametrize("body", ["__builtin_trap();", "return 1;"], ids=["an illegal instruction", "wrong sums"])
def test_a_library_that_fails_its_first_products_is_never_loaded_and_the_next_target_is_tried_once(
    tmp_path: Path, tools: Path, kept: Path, body: str
) -> None:
    real = native_compiler.find()
    (tmp_path / "bad.c").write_text(f"int infill_probe(void) {{ {body} }}")
    fake_compiler(
        tools,
        f"""
        echo "$*" >>{tmp_path}/calls
        case "$*" in *-march=native*) ;; *) exec {real} "$@" ;; esac
        while [ "$1" != -o ]; do shift; done
        exec {real} -shared -fPIC {tmp_path}/bad.c -o "$2"
        """,
    )
    build = ended(kept)
    assert build.library is not None
    assert name_of(build.library) == native_compiler.targets()[1]
    assert len((tmp_path / "calls").read_text().splitlines()) == 2
    again = native_build.Build(kept)
    assert not again.pending
    assert again.library is not None
    assert again.library._name == build.library._name


def name_of(library: ctypes.CDLL) -> str:
    library.infill_products.restype = ctypes.c_char_p
    name: bytes = library.infill_products()
    return name.decode()


@pytest.mark.parametrize(
    ("body", "works"),
    [("__builtin_trap();", False), ("return -1;", False), ("return 0;", True)],
    ids=["announced and faulty", "without leave", "granted"],
)
def test_tiles_are_used_only_after_another_process_has_used_them(
    tmp_path: Path, tools: Path, kept: Path, body: str, works: bool
) -> None:
    real, names = native_compiler.find(), ("probe_amx", "use_amx", "uses_amx")
    renamed = " ".join(f"-Dinfill_{name}=infill_other_{name}" for name in names)
    fake_compiler(tools, f'exec {real} "$@" {renamed} {tmp_path}/amx.c')
    (tmp_path / "amx.c").write_text(
        "\n".join(f"#undef infill_{name}" for name in names)
        + f"""
        static int is_used;
        int infill_probe_amx(void) {{ {body} }}
        int infill_use_amx(void) {{ return is_used = 1; }}
        int infill_uses_amx(void) {{ return is_used; }}
        """
    )
    for _ in range(2):  # compiled, and kept
        library = ended(kept).library
        assert library is not None
        assert bool(library.infill_uses_amx()) is works


def test_this_machine_uses_its_tiles_if_it_has_them(folder: Path, native_library: ctypes.CDLL) -> None:
    """No claim about the machine: what the library says of itself is what its probe said."""
    build = native_build.Build(folder)
    assert build.library is not None
    has_file = Path(build.library._name + ".amx").exists()
    assert bool(build.library.infill_uses_amx()) is has_file
    assert "amx_int8" in native_compiler.processor() or not has_file


def test_a_damaged_library_leaves_torch_at_work(tmp_path: Path, native_library: ctypes.CDLL) -> None:
    (tmp_path / Path(native_library._name).name).write_bytes(b"no library")
    assert native_build.Build(tmp_path).library is None


def test_it_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native_compiler.SWITCH, "0")
    assert native_build.Build(tmp_path).library is None
    assert not list(tmp_path.iterdir())


def test_a_type_of_processor_can_be_chosen(folder: Path, plain_library: ctypes.CDLL, avx2_library: ctypes.CDLL) -> None:
    assert name_of(plain_library) == "plain"
    assert name_of(avx2_library) == "avx2"


@pytest.mark.parametrize(
    ("platform", "selected", "next_step"),
    [
        ("darwin", "exit 2", "xcode-select --install"),  # no command line tools: cc would open a window
        ("darwin", "echo /nowhere", "xcode-select --install"),
        ("darwin", "echo /tmp", None),
        ("win32", "echo /tmp", "WSL"),
        ("linux", "exit 2", None),
    ],
)
def test_a_compiler_is_found_where_asking_for_it_opens_no_window(
    tools: Path, monkeypatch: pytest.MonkeyPatch, platform: str, selected: str, next_step: str | None
) -> None:
    program(tools / "xcode-select", selected)
    fake_compiler(tools, "exit 1")
    monkeypatch.setattr(sys, "platform", platform)
    native_compiler._has_command_line_tools.cache_clear()
    try:
        assert native_compiler.find() == (None if next_step else str(tools / "cc"))
        assert (next_step or "") in native_compiler.why_not()[1]
        assert bool(native_compiler.why_not()[0]) is (next_step is not None)
    finally:
        native_compiler._has_command_line_tools.cache_clear()


def test_without_a_compiler_the_next_step_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reason, next_step = native_compiler.why_not()
    assert "No C compiler" in reason
    assert "gcc" in next_step
