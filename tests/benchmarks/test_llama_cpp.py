"""The comparison with llama.cpp: processes that answer tasks, the types of random tensors, and the tables."""

from __future__ import annotations

import importlib.util
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.llama_cpp import contestants, memory, random_file
from benchmarks.llama_cpp.contestants import Contestant
from benchmarks.llama_cpp.tables import tables

ROOT = Path(__file__).parents[2]


def report() -> dict[str, Any]:
    alone = {
        "resident_bytes": 200 << 20, "peak_bytes": 250 << 20, "prefill_ms": {1: 900.0, 2: 500.0}, "same_tokens": None,
        "weight_bytes": None, "kv_bytes": None, "one_prompt_bytes": None, "load_peak_bytes": None,
    }  # fmt: skip
    mine = {"engine": "infill-ls", "weights": "int4", "step_bytes": {256: 100_000_000}, "keystroke_ms": 12.0,
            "keystroke_steps": 1.6, "read_bytes_per_s": {256: {1: 2e10, 2: 4e10}},
            **alone, "same_tokens": 24, "weight_bytes": 90 << 20, "kv_bytes": 10 << 20,
            "one_prompt_bytes": 195 << 20, "load_peak_bytes": 240 << 20}  # fmt: skip
    theirs = {"engine": "llama.cpp", "weights": "q4_1", "step_bytes": {}, "keystroke_ms": None,
              "keystroke_steps": None, "read_bytes_per_s": {}, **alone}  # fmt: skip
    rows = [
        {"engine": each["engine"], "weights": each["weights"], "context": 256, "threads": threads,
         "neighbours": neighbours, "tokens_per_s": 100.0 * threads}
        for each in (mine, theirs) for threads in (1, 2) for neighbours in (0, 1)
    ]  # fmt: skip
    return {
        "model": "some", "device": "2 cores", "date": "2026-11-27",
        "memory_bytes_per_s": {1: 1e10, 2: 4e10}, "contestants": [mine, theirs], "rows": rows,
    }  # fmt: skip


def test_tables_have_each_engine_and_the_share_of_reading_where_it_is_alone() -> None:
    lines = tables(report()).splitlines()
    assert "10.0 GB/s with 1 threads, 40.0 GB/s with 2 threads" in lines[0]
    assert "| int4 | 256 | 95 | 2 | 40.0 |" in lines
    row = next(line for line in lines if line.startswith("| infill-ls int4 | 256"))
    assert row == (
        "| infill-ls int4 | 256 | 100.0 (100% of memory, 50% of caches) | 100.0 | "
        "200.0 (50% of memory, 50% of caches) | 200.0 |"
    )
    assert "| llama.cpp q4_1 | 256 | 100.0 | 100.0 | 200.0 | 200.0 |" in lines
    assert "| infill-ls int4 | 900 | 500 | 12.0 (1.6) | 200 (100) | 195 (105) | 240 (150) | 250 | 24 |" in lines
    assert "| llama.cpp q4_1 | 900 | 500 |  | 200 |  |  | 250 |  |" in lines


def test_an_engine_that_ends_fails_the_run() -> None:
    """The process ends at once, because there is no such file."""
    with (
        Contestant("llama.cpp", "q4_1", "tables", []) as silent,
        pytest.raises(SystemExit, match="gave no answer to `decode`"),
    ):
        silent.ask("decode", tokens=1, threads=1, limit_s=1.0)


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "gguf" else object())
    assert contestants.missing() == ["gguf"]


@pytest.mark.parametrize(
    ("name", "kind", "inputs", "expected"),
    [
        ("token_embd.weight", "q4_1", 896, "Q8_0"),
        ("token_embd.weight", "q4_0", 1536, "Q6_K"),
        ("blk.3.attn_q.weight", "q4_0", 896, "Q4_0"),
        ("blk.3.attn_q.weight", "q4_k_m", 896, "Q5_0"),
        ("blk.3.attn_q.weight", "q4_k_m", 1536, "Q4_K"),
        ("blk.0.ffn_down.weight", "q4_k_m", 8960, "Q6_K"),
        ("blk.0.ffn_down.weight", "q8_0", 8960, "Q8_0"),
    ],
)
def test_random_tensors_have_the_types_of_real_files(name: str, kind: str, inputs: int, expected: str) -> None:
    assert random_file._type(name, kind, inputs, 28) == expected


def test_shapes_are_those_of_the_models() -> None:
    weights = {
        name: shape.vocab * shape.hidden
        + shape.layers
        * shape.hidden
        * ((2 * shape.heads + 2 * shape.kv_heads) * shape.head_dim + 3 * shape.intermediate)
        for name, shape in random_file.SHAPES.items()
    }
    assert {name: round(count / 1e6) for name, count in weights.items()} == {
        "smollm2-135m": 134, "qwen2.5-coder-0.5b": 494, "qwen2.5-coder-1.5b": 1544,
    }  # fmt: skip


def test_a_process_without_amx_is_refused_the_permission() -> None:
    if not (sys.platform == "linux" and platform.machine() == "x86_64"):
        pytest.skip("the permission is Linux's on x86-64")
    script = (
        "import ctypes; from benchmarks.llama_cpp import no_amx; no_amx.refuse(); "
        "print(ctypes.CDLL(None, use_errno=True).syscall(158, 0x1023, 18), ctypes.get_errno())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "-1 1\n"


def test_a_process_knows_its_memory() -> None:
    found = memory.of_this_process()
    assert 1 << 20 < found["resident"] <= found["peak"]
