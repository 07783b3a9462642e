"""Keeping compiled kernels: compiled once, again after any change, and never taken from a damaged file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch

from infill_completion.client.run_directory import RunDirectoryError
from infill_completion.engine.model.cuda.kernels.runtime import cubins, nvrtc
from infill_completion.engine.model.cuda.kernels.runtime.nvrtc import Binary


class CountingCompiler:
    """In place of NVRTC: its machine code is the source, so that a mix-up would show."""

    def __init__(self) -> None:
        self.version = (13, 0)
        self.compiled: list[str] = []

    def compile(self, name: str, source: str, headers: Mapping[str, str], options: Sequence[str]) -> Binary:
        self.compiled.append(name)
        return Binary(f"{source}\n{sorted(headers.items())}\n{options}\n\0".encode(), {name: "PiPf"})


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> CountingCompiler:
    compiler = CountingCompiler()
    monkeypatch.setattr(nvrtc, "compiler", lambda: compiler)
    return compiler


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    for name in ("a.cu", "b.cu", "shared.cuh"):
        (folder / name).write_text(f"// {name}\n")
    return folder


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


def test_a_source_is_compiled_once(counting: CountingCompiler, sources: Path, kept: Path) -> None:
    first = cubins.compiled("sm_90", False, kept, sources)
    assert sorted(first) == sorted(counting.compiled) == ["a.cu", "b.cu"]
    assert cubins.compiled("sm_90", False, kept, sources) == first
    assert len(counting.compiled) == 2
    assert all(path.suffix == ".cubin" for path in kept.iterdir())


@pytest.mark.parametrize("change", ["source", "header", "half", "architecture", "compiler"])
def test_any_change_compiles_again(counting: CountingCompiler, sources: Path, kept: Path, change: str) -> None:
    before = cubins.compiled("sm_90", False, kept, sources)
    if change in {"source", "header"}:
        (sources / {"source": "a.cu", "header": "shared.cuh"}[change]).write_text("// changed\n")
    if change == "compiler":
        counting.version = (13, 1)
    architecture = "sm_80" if change == "architecture" else "sm_90"
    after = cubins.compiled(architecture, change == "half", kept, sources)
    assert len(counting.compiled) == (3 if change == "source" else 4)
    assert (after == before) == (change == "compiler")


@pytest.mark.parametrize("damage", [b"", b"\n", b"no digest", b"0" * 64 + b"\n{}\n\x7fELF"])
def test_a_damaged_file_is_replaced(counting: CountingCompiler, sources: Path, kept: Path, damage: bytes) -> None:
    first = cubins.compiled("sm_90", False, kept, sources)
    for path in kept.iterdir():
        path.write_bytes(damage)
    assert cubins.compiled("sm_90", False, kept, sources) == first
    assert len(counting.compiled) == 4
    assert cubins.compiled("sm_90", False, kept, sources) == first
    assert len(counting.compiled) == 4


def test_a_directory_that_is_not_ours_is_not_used(
    counting: CountingCompiler, sources: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> Path:
        raise RunDirectoryError("It belongs to another user.")

    monkeypatch.setattr(cubins, "native_directory", refuse)
    assert sorted(cubins.compiled("sm_90", False, None, sources)) == ["a.cu", "b.cu"]
    assert "It belongs to another user." in caplog.text


def test_a_full_disk_costs_only_time(
    counting: CountingCompiler, sources: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert sorted(cubins.compiled("sm_90", False, tmp_path / "absent", sources)) == ["a.cu", "b.cu"]
    assert "compiled again at the next start" in caplog.text


def test_the_sources_are_where_they_are_looked_for() -> None:
    assert {"attention.cu", "product.cu", "portable.cuh"} <= {path.name for path in cubins.FOLDER.iterdir()}


def test_parameters_are_read_from_ptx() -> None:
    ptx = """
    .visible .entry first(
        .param .u64 .ptr .global .align 1 first_param_0,
        .param .u32 first_param_1,
        .param .f32 first_param_2
    )
    .maxntid 128, 1, 1
    {
        ld.param.u64 %rd1, [first_param_0];
        .param .b64 param0;
    }
    .visible .entry second()
    { ret; }"""
    assert nvrtc.parameters_of(ptx) == {"first": "Pif", "second": ""}


@pytest.mark.parametrize("kind", ["u8", "u16", "f64"])
def test_a_parameter_that_no_launch_can_pass_is_refused(kind: str) -> None:
    with pytest.raises(RuntimeError, match=f"The kernel odd has a parameter of the type {kind}"):
        nvrtc.parameters_of(f".visible .entry odd(\n.param .{kind} odd_param_0\n)\n{{ }}")


def test_a_build_of_torch_for_cpus_has_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(RuntimeError, match="not for CUDA"):
        nvrtc.Compiler()
