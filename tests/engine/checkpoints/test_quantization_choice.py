"""The setting ``engine.quantization`` on each kind of machine, and what is said where 4 bits are not possible."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from infill_completion.catalog import find
from infill_completion.catalog.shape import ModelShape, Quantization
from infill_completion.catalog.speed import DeviceSpeed, estimate
from infill_completion.engine.checkpoints import checkpoint, precision
from infill_completion.engine.checkpoints.packed_weights import weights_of
from infill_completion.engine.checkpoints.precision import INT4_FROM_WEIGHTS, Weights, choose_quantization
from infill_completion.engine.checkpoints.weights import weight_bytes
from infill_completion.engine.model import int8
from infill_completion.engine.model.int4 import Int4Linear
from infill_completion.engine.model.native import build
from infill_completion.settings import EngineSettings
from tests.engine.checkpoints.gguf.quantized_model import save_dequantized, write_model
from tests.engine.model.native.int8_models import needs_compiler
from tests.engine.tiny import save_tiny

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
SMALL = Weights(100_000_000, is_packable=True)
LARGE = Weights(INT4_FROM_WEIGHTS, is_packable=True)
GROUPS = Weights(100_000_000, is_packable=True, has_groups=True)
GGUF = Weights(100_000_000, is_gguf=True, is_packable=True)
GGUF_GROUPS = GGUF._replace(has_groups=True)
OTHER = Weights(10 * INT4_FROM_WEIGHTS)  # of a kind that transformers loads


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_(*, products: bool, compiler: bool) -> None:
        monkeypatch.setattr(int8, "available", lambda: products)
        monkeypatch.setattr(build, "is_possible", lambda: compiler)

    return set_


@pytest.mark.parametrize(
    ("wanted", "weights", "compiled", "torch_only", "plain"),
    [
        ("auto", SMALL, "int8", "int8", "none"),
        ("auto", LARGE, "int4", "int8", "none"),
        ("auto", GROUPS, "int4", "int8", "none"),
        ("auto", GGUF, "int8", "int8", "none"),
        ("auto", GGUF_GROUPS, "int4", "int8", "none"),
        ("auto", OTHER, "int8", "int8", "none"),
        ("int4", SMALL, "int4", "int8", "int8"),
        ("int4", GGUF, "int4", "int8", "none"),
        ("int4", OTHER, "int8", "int8", "int8"),
        ("int8", LARGE, "int8", "int8", "int8"),
        ("int8", GGUF_GROUPS, "int8", "int8", "none"),
        ("nf4", LARGE, "nf4", "nf4", "nf4"),
        ("nf4", GGUF_GROUPS, "int4", "int8", "none"),
        ("none", GGUF_GROUPS, "none", "none", "none"),
        ("none", LARGE, "none", "none", "none"),
    ],
)
def test_a_cpu_holds_weights_in_as_few_bits_as_it_gains_from(
    machine: Any, wanted: str, weights: Weights, compiled: str, torch_only: str, plain: str
) -> None:
    for products, compiler, expected in (
        (True, True, compiled), (True, False, torch_only), (False, True, plain), (False, False, plain),
    ):  # fmt: skip
        machine(products=products, compiler=compiler)
        assert choose_quantization(wanted, CPU, "a model", weights) == expected


@pytest.mark.parametrize("weights", [SMALL, LARGE, GROUPS, OTHER])
def test_four_bits_on_a_gpu_are_nf4(weights: Weights) -> None:
    assert choose_quantization("int4", CUDA, "a model", weights) == "nf4"
    assert choose_quantization("auto", CUDA, "a model", weights) == "nf4"
    assert choose_quantization("int4", CUDA, "a model", GGUF_GROUPS) == "none"


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1"])
def test_groups_are_recognized_in_files_and_in_folders_made_of_them(tmp_path: Path, kind: str) -> None:
    path = write_model(tmp_path / "model.gguf", kind)
    save_dequantized(path, tmp_path / "folder")
    assert weights_of(path).has_groups
    assert weights_of(tmp_path / "folder").has_groups
    assert not weights_of(write_model(tmp_path / "other.gguf", "Q8_0")).has_groups
    whole = weights_of(save_tiny(tmp_path / "tiny"))
    assert not whole.has_groups
    assert whole.is_packable
    assert not weights_of(tmp_path).is_packable  # no checkpoint; loading says so


def loaded(path: Path, quantization: str = "auto") -> checkpoint.Checkpoint:
    return checkpoint.load(
        EngineSettings(model=str(path), device="cpu", quantization=quantization), lambda *_: None,
        without_transformers=True,
    )  # fmt: skip


@pytest.mark.skipif(needs_compiler[0].args[0] or needs_compiler[1].args[0], reason="needs the compiled step")
def test_what_is_loaded_is_what_is_said(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.gguf", "Q4_1")
    held = loaded(path)
    assert held.quantization == "int4"
    assert isinstance(held.model.model.layers[0].mlp.down_proj, Int4Linear)
    assert held.weight_bytes == weight_bytes(path, "int4", torch.bfloat16, is_packed=True)
    packed = sum(part.nbytes for part in held.model.packed)
    assert 0.9 * packed < held.weight_bytes < 1.1 * packed
    folder = save_tiny(tmp_path / "tiny")
    assert loaded(folder, "int4").quantization == "int4"
    assert loaded(folder).quantization == "int8"


class _NoBuild:
    """A build that has failed."""

    library, pending = None, False

    def wait(self, timeout_s: float) -> bool:
        return True


@pytest.mark.skipif(not int8.available(), reason="this torch has no int8 products for the CPU")
@pytest.mark.parametrize("fails", ["no compiler", "the build"])
def test_without_the_compiled_step_weights_have_eight_bits_and_a_sentence_says_so(
    tmp_path: Path, fails: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_model(tmp_path / "model.gguf", "Q4_1")
    monkeypatch.setattr(build, "is_possible", lambda: fails == "the build")
    monkeypatch.setattr(build, "shared", _NoBuild)
    with caplog.at_level(logging.WARNING):
        assert loaded(path).quantization == "int8"
        assert not caplog.messages  # nobody asked for 4
        assert loaded(path, "int4").quantization == "int8"
    (message,) = caplog.messages
    assert "8" in message


def test_sizes_and_times_of_four_bits_lie_between_those_of_others() -> None:
    model = find("Qwen/Qwen2.5-Coder-1.5B")
    assert model is not None
    shape: ModelShape | None = model.shape
    assert shape is not None
    sizes = [shape.weight_bytes(each) for each in (Quantization.INT4, Quantization.INT8, Quantization.BF16)]
    assert sizes == sorted(sizes)
    assert sizes[0] == pytest.approx(shape.linear_weights * 5 / 8 + shape.vocab * shape.hidden, rel=0.01)
    device = DeviceSpeed(bytes_per_s=1e10, operations_per_s=1e11)
    four, eight = (estimate(shape, each, device) for each in ("int4", "int8"))
    assert four.step_ms < 0.75 * eight.step_ms
    assert precision.is_cpu_int8("int4", CPU)
    assert not precision.is_cpu_int8("int4", CUDA)
