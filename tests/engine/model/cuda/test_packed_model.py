"""A model over packed weights, with the kernels run on a CPU: bitsandbytes' products, in the same memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from infill_completion.catalog import ModelShape
from infill_completion.engine.bench.random_weights import random_model
from infill_completion.engine.model.cuda.kernels import loading, packed_model
from infill_completion.engine.model.cuda.kernels.nf4 import NF4Matrix
from infill_completion.engine.model.cuda.kernels.packed_linear import PackedLinear
from infill_completion.engine.model.cuda.kernels.packed_model import PackedModel
from infill_completion.engine.model.cuda.kernels.packing import pack
from infill_completion.engine.model.cuda.kernels.products import PLANS
from infill_completion.engine.model.cuda.kernels.runtime import kernels
from infill_completion.engine.model.cuda.kernels.step_kernels import StepKernels
from infill_completion.engine.model.cuda.kernels.step_weights import LINEAR, StepWeights, linear_layers, step_weights
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.kv_cache import KVCache
from tests.engine.model.cuda.emulator.kernels import EmulatedKernels

SHAPE = ModelShape(2, 256, 384, 4, 2, 64, 500)
CPU = torch.device("cpu")
CAPACITY = 300


def with_biases(model: Any) -> Any:
    """Give the projections to queries, keys and values biases, as Qwen's models have them."""
    random = torch.Generator().manual_seed(3)
    for layer in model.model.layers:
        for module in linear_layers(layer)[:3]:
            bias = torch.randn(module.out_features, generator=random).to(model.dtype)
            module.bias = nn.Parameter(bias, requires_grad=False)
    return model


@dataclass(frozen=True)
class Case:
    model: Any
    decoder: Decoder
    weights: StepWeights
    untouched: Any

    def logits(self, length: int) -> tuple[Tensor, Tensor]:
        """Return the logits of the model and of its decoder."""
        ids = torch.arange(7, 7 + length)[None]
        with torch.inference_mode():
            whole: Tensor = self.model(ids, use_cache=False).logits[0].float()
        return whole, self.decoder.forward(ids, KVCache(self.decoder.kv_shape, length), 0, all_logits=True)[0]

    def expected(self, length: int) -> Tensor:
        with torch.inference_mode():
            return self.untouched(torch.arange(7, 7 + length)[None], use_cache=False).logits[0].float()  # type: ignore[no-any-return]

    @property
    def modules(self) -> list[Any]:
        return [module for layer in self.model.model.layers for module in linear_layers(layer)]


@pytest.fixture
def case(number: torch.dtype) -> Case:
    model, untouched = (with_biases(random_model(SHAPE, CPU, number, "nf4")) for _ in range(2))
    decoder = Decoder(model, CAPACITY)
    weights = step_weights(model, decoder)
    assert weights is not None
    return Case(model, decoder, weights, untouched)


def close(got: Tensor, expected: Tensor) -> bool:
    return bool((got - expected).norm() < 0.03 * expected.norm())


@pytest.mark.parametrize("length", [1, 8, 9, 40])
def test_a_packed_model_and_its_decoder_compute_what_they_did(
    case: Case, emulated: EmulatedKernels, length: int
) -> None:
    expected = case.expected(length)
    PackedModel(case.model, case.decoder, case.weights, emulated, 2).pack()
    assert {type(module) for module in case.modules} == {PackedLinear}
    for got in case.logits(length):
        assert close(got, expected)


def test_a_product_of_many_rows_is_that_of_the_dequantised_weights(case: Case, emulated: EmulatedKernels) -> None:
    """To the last bit, also between products with other matrices, which use the same buffer."""
    import bitsandbytes

    bnb: Any = bitsandbytes
    dense = [bnb.functional.dequantize_4bit(each.weight.data, each.weight.quant_state) for each in case.modules]
    PackedModel(case.model, case.decoder, case.weights, emulated, 2).pack()
    for weight, module in zip(dense, case.modules, strict=True):
        assert (module.out_features, module.in_features) == weight.shape
        x = torch.randn(3, 5, module.in_features).to(weight.dtype)
        assert torch.equal(module(x), nn.functional.linear(x, weight, module._bias))
        assert module(x.double()).dtype == torch.float64
        assert module(x[:0]).shape == (0, 5, module.out_features)


def test_one_of_many_rows_in_another_order_of_memory(case: Case, emulated: EmulatedKernels) -> None:
    PackedModel(case.model, case.decoder, case.weights, emulated, 2).pack()
    module = case.modules[0]
    x = torch.randn(6, module.in_features, 2).to(case.model.dtype)[..., 1]
    assert torch.equal(module(x), module(x.contiguous()))


def test_weights_stay_in_their_memory_and_come_back_bit_by_bit(case: Case, emulated: EmulatedKernels) -> None:
    modules, layers = case.modules, list(case.decoder.layers)
    matrices = [matrix for layer in case.weights.layers for matrix in layer.matrices]
    before = [(matrix.packed.clone(), matrix.scales.clone()) for matrix in matrices]
    packed = PackedModel(case.model, case.decoder, case.weights, emulated, 2)
    packed.pack()
    for matrix, module, (numbers, scales) in zip(matrices, modules, before, strict=True):
        assert matrix.packed.data_ptr() == module.weight.data.data_ptr()
        assert not torch.equal(matrix.packed, numbers)
        assert not torch.equal(matrix.scales, scales)
    packed.unpack()
    assert all(one is other for one, other in zip(case.modules, modules, strict=True))
    assert all(one is other for one, other in zip(case.decoder.layers, layers, strict=True))
    for matrix, (numbers, scales) in zip(matrices, before, strict=True):
        assert torch.equal(matrix.packed, numbers)
        assert torch.equal(matrix.scales, scales)
    for got in case.logits(12):
        assert close(got, case.expected(12))


@pytest.fixture
def device(emulated: EmulatedKernels, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A device whose kernels run here; the times of bitsandbytes, of the kernels, and of steps by each plan."""
    times = iter([3.0, 2.0, 0.9, 0.8, 0.7, 0.8])
    monkeypatch.setattr(kernels, "load", lambda device, dtype: emulated)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(multi_processor_count=2))
    settings: dict[str, Any] = {"times": times}

    def seconds(works: Any) -> float:
        for work in works:
            work()
        return float(next(settings["times"]))

    monkeypatch.setattr(loading, "_seconds", seconds)
    return settings


def test_at_load_the_model_is_packed_where_the_kernels_agree_and_gain(case: Case, device: dict[str, Any]) -> None:
    made = loading.step_kernels(case.model, case.decoder, CAPACITY)
    assert isinstance(made, StepKernels)
    assert made.plan == PLANS[2]  # the fastest
    assert {type(module) for module in case.modules} == {PackedLinear}
    for got in case.logits(12):
        assert close(got, case.expected(12))


def test_a_step_that_cannot_be_captured_leaves_the_kernels_on(
    case: Case, device: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    def times() -> Iterator[float]:
        yield from (3.0, 2.0, 0.9)
        raise torch.OutOfMemoryError("CUDA out of memory.")

    device["times"] = times()
    with caplog.at_level(logging.WARNING):
        made = loading.step_kernels(case.model, case.decoder, CAPACITY)
    assert isinstance(made, StepKernels)
    assert made.plan == PLANS[0]
    assert "CUDA out of memory." in caplog.text
    assert {type(module) for module in case.modules} == {PackedLinear}


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("fault", ["no gain", "other logits", "a prompt of NaN", "no memory", "no launch"])
def test_at_load_the_model_is_left_as_it_was_where_they_do_not(
    case: Case, device: dict[str, Any], fault: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    modules, count = case.modules, 0

    def packed(matrix: NF4Matrix) -> None:
        nonlocal count
        count += 1
        if count == 9:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        pack(matrix)

    def failed(*arguments: Any) -> None:
        raise RuntimeError("CUDA cannot launch product.")

    if fault == "no gain":
        device["times"] = iter([2.0, 3.0])
    elif fault == "other logits":
        monkeypatch.setattr(loading, "error", lambda made, expected: 0.2)
    elif fault == "a prompt of NaN":
        monkeypatch.setattr(loading, "prompt_error", lambda decoder, expected: float("nan"))
    elif fault == "no memory":
        monkeypatch.setattr(packed_model, "pack", packed)
    else:
        monkeypatch.setattr(StepKernels, "run", failed)
    with caplog.at_level(logging.WARNING):
        assert loading.step_kernels(case.model, case.decoder, CAPACITY) is None
    assert "The kernels are off, and torch's operators are used instead" in caplog.text
    assert all(one is other for one, other in zip(case.modules, modules, strict=True))
    for got in case.logits(12):
        assert close(got, case.expected(12))


def test_the_layers_are_in_the_order_of_their_matrices(case: Case) -> None:
    layer, weights = case.model.model.layers[0], case.weights.layers[0]
    for (_, name), module, matrix in zip(LINEAR, linear_layers(layer), weights.matrices, strict=True):
        assert (module.out_features, module.in_features) == (matrix.outputs, matrix.inputs), name
        assert module.weight.data.data_ptr() == matrix.packed.data_ptr(), name
