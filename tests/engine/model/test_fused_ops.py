"""The operations between the matrix products, compiled: the same numbers, or plain operators if that fails."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import torch

from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.model import fused_ops
from infill_completion.engine.model.cuda.static_step import StaticStep
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.kv_cache import KVCache

CPU = torch.device("cpu")
ADDS = fused_ops.PLAIN.add_and_norm
compiles = pytest.mark.skipif(
    shutil.which("g++") is None or not Path(sysconfig.get_path("include"), "Python.h").exists(),
    reason="needs g++ and Python.h (Debian's python3-dev), with which inductor compiles for the CPU",
)
PROMPT = [1, 77, 1203, 9, 400, 12, 3000]


@compiles
def test_a_compiled_step_chooses_the_tokens_of_the_operators(tiny: Generator) -> None:
    decoder = tiny.model.forward_pass.decoder
    pieces = fused_ops.compiled(CPU, decoder.dtype)
    assert pieces is not fused_ops.PLAIN, "the log says why"
    for ids, fork in (([5, 6, 7], None), ([8, 9], Fork(len(PROMPT), 2))):
        logits = []
        for each in (pieces, fused_ops.PLAIN):
            cache = KVCache(decoder.kv_shape, 256)
            decoder.forward(torch.tensor([PROMPT]), cache, 0)
            step = StaticStep(decoder, 3, each)
            step.feed(ids, len(PROMPT), fork)
            step.run(cache, 256)
            logits.append(step.logits[: len(ids)].clone())
        compiled, plain = logits
        assert torch.allclose(compiled, plain, atol=1e-4)


@compiles
def test_steps_of_many_widths_can_be_compiled() -> None:
    pieces = fused_ops.compiled(CPU, torch.float32)
    for width in range(1, 13):
        x = torch.linspace(-1, 1, width * 64).view(1, width, 64)
        assert torch.allclose(pieces.gate(x), fused_ops.PLAIN.gate(x), atol=1e-5)


def test_where_nothing_compiles_the_operators_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_compiler(*_args: Any, **_more: Any) -> Any:
        def fails(*_values: Any) -> Any:
            raise RuntimeError("no compiler")

        return fails

    monkeypatch.setattr(torch, "compile", no_compiler)
    assert fused_ops.compiled(CPU, torch.float32) is fused_ops.PLAIN
    assert "not compiled: RuntimeError" in caplog.text


def test_kernels_that_compute_something_else_are_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def off_by_some(piece: Any, **_more: Any) -> Any:
        return lambda *values: (
            [out + 1 for out in result] if isinstance(result := piece(*values), tuple) else result + 1
        )

    monkeypatch.setattr(torch, "compile", off_by_some)
    assert fused_ops.compiled(CPU, torch.float32) is fused_ops.PLAIN
    assert "something else" in caplog.text
