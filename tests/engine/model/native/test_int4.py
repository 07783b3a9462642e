"""4-bit weights in groups: rounding, layout, and the compiled step with them."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from infill_completion.engine.model import int4
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.int4 import Int4Linear
from infill_completion.engine.model.native.step import NativeStep
from infill_completion.engine.model.native.structs import StructBuilder
from tests.engine.model.native.conftest import SANITIZED
from tests.engine.model.native.int8_models import RoundedCache, empty_cache, float_model, needs_compiler
from tests.engine.model.native.test_families import families, ids_of, model_of
from tests.properties import tries

pytestmark = needs_compiler


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def linear(weight: torch.Tensor, bias: torch.Tensor | None = None) -> Int4Linear:
    packed = torch.zeros(int4.shape_of(*weight.shape), dtype=torch.uint8)
    int4.pack_into(packed, weight)
    return Int4Linear(packed, weight.shape[0], weight.shape[1], bias)


@given(outputs=st.integers(1, 70), inputs=st.integers(1, 200), seed=st.integers(0, 99))
@tries(40)
def test_weights_are_rounded_to_the_nearest_of_sixteen(outputs: int, inputs: int, seed: int) -> None:
    weight = random(outputs, inputs, seed=seed) + seed % 3
    got = int4.unpacked(linear(weight).weight)[:outputs, :inputs]
    padded = torch.nn.functional.pad(weight, (0, -inputs % 32)).view(outputs, -1, 32)
    step = (padded.amax(-1) - padded.amin(-1)) / 15
    assert ((got - weight).abs() <= 1.5 * step.repeat_interleave(32, 1)[:, :inputs] + 2e-3).all()
    assert (got - weight).norm() <= 0.12 * padded.std() * weight.numel() ** 0.5 + 1e-2


def test_numbers_of_a_file_are_kept() -> None:
    numbers = torch.randint(0, 16, (20, 3, 32), generator=torch.Generator().manual_seed(1))
    numbers[..., 0], numbers[..., 1] = 0, 15  # the group uses its whole range
    scale, low = random(20, 3, 1).half(), random(20, 3, 1, seed=2).half()
    weight = (numbers * scale.float().abs() + low.float()).view(20, 96)
    assert (int4.unpacked(linear(weight).weight)[:20] - weight).abs().max() < 2e-3 * weight.abs().max()


@pytest.mark.parametrize("weight", [torch.zeros(3, 64), torch.full((17, 40), 2.5), torch.full((1, 33), -1e-6)])
def test_weights_that_are_all_equal_stay_equal(weight: torch.Tensor) -> None:
    got = int4.unpacked(linear(weight).weight)[: weight.shape[0], :32]
    assert (got - weight[:, :32]).abs().max() <= 1e-3 * weight.abs().max() + 3e-8  # the smallest float16


def product(library: ctypes.CDLL, layer: Int4Linear, x: torch.Tensor) -> torch.Tensor:
    structs, y = StructBuilder(), torch.full((len(x), layer.outputs), float("nan"))
    row_bytes = library.infill_linear_row_bytes(layer.inputs)
    workspace = torch.empty(len(x) * row_bytes, dtype=torch.uint8)
    run: Any = library.infill_linear
    run.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    run.restype = None
    native = structs._linear(layer)
    run(ctypes.addressof(native), x.data_ptr(), len(x), workspace.data_ptr(), y.data_ptr())
    return y


@given(
    outputs=st.integers(1, 70), inputs=st.integers(1, 300), rows=st.integers(1, 16), has_bias=st.booleans(),
    seed=st.integers(0, 99),
)  # fmt: skip
@tries(30 if SANITIZED else 100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_products_are_those_of_the_unpacked_weights_and_the_same_bits_in_any_number_of_rows(
    library: ctypes.CDLL, outputs: int, inputs: int, rows: int, has_bias: bool, seed: int
) -> None:
    weight, x = random(outputs, inputs, seed=seed) + 0.3, random(rows, inputs, seed=seed + 1) * 3
    layer = linear(weight, random(outputs) if has_bias else None)
    got = product(library, layer, x)
    exact = x.double() @ int4.unpacked(layer.weight)[:outputs, :inputs].double().T
    if layer.bias is not None:
        exact += layer.bias
    bound = 1e-4 * (x.norm() * weight.norm() + 1)
    assert (got - exact).abs().max() < bound
    assert (layer(x) - exact).abs().max() < bound
    for row in range(rows):
        assert torch.equal(product(library, layer, x[row : row + 1].contiguous())[0], got[row])


@pytest.mark.parametrize(("outputs", "inputs"), [(16, 32), (33, 200), (70, 33), (5, 1000)])
def test_processors_agree(
    native_library: ctypes.CDLL, avx2_library: ctypes.CDLL, plain_library: ctypes.CDLL, outputs: int, inputs: int
) -> None:
    layer = linear(random(outputs, inputs) * 2 - 0.5)
    layer.weight[..., 64:] = 255  # the largest numbers, whose sums are the largest too
    x = random(3, inputs, seed=4)
    x[1], x[2] = 1.0, -1.0
    expected = product(native_library, layer, x)
    for library in (avx2_library, plain_library):
        got = product(library, layer, x)
        assert (got - expected).abs().max() <= 1e-4 * expected.abs().max()
    exact = x.double() @ int4.unpacked(layer.weight)[:outputs, :inputs].double().T
    assert (expected - exact).abs().max() <= 1e-4 * exact.abs().max()


def in_four_bits(model: Any) -> Decoder:
    """Return a decoder whose layers are rounded to 4 bits; the head keeps 8."""
    decoder = Decoder(model, 64, cpu_int8=True)
    for layer in decoder.layers:
        for name in ("qkv", "out", "gate_up", "down"):
            held: Any = getattr(layer, name)
            object.__setattr__(layer, name, linear(held.weight.float() * held.scale.float()[:, None], held.bias))
    return decoder


@families
def test_logits_are_those_of_transformers_on_the_rounded_weights(library: ctypes.CDLL, shape: dict[str, Any]) -> None:
    model = model_of(**shape)
    decoder = in_four_bits(model)
    reference, step, ids = float_model(model, decoder), NativeStep(library, decoder), ids_of(24)
    cache = empty_cache(decoder, 30)
    pieces = [step(ids[:, a:b], cache, a, all_logits=True) for a, b in ((0, 17), (17, 19), (19, 23), (23, 24))]
    with torch.inference_mode():
        expected = reference(ids, past_key_values=RoundedCache()).logits
    got = torch.cat(pieces, 1)
    assert (got - expected).norm() < 0.01 * expected.norm()
    cache = empty_cache(decoder, 24)
    single = torch.cat([step(ids[:, at : at + 1], cache, at, all_logits=True) for at in range(24)], 1)
    assert torch.equal(got, single)
