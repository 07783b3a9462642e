"""Products and attention of many rows: to the last bit those of single rows."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.int4 import Int4Linear
from infill_completion.engine.model.int8 import Int8Linear
from infill_completion.engine.model.native import build as native_build
from infill_completion.engine.model.native import step as native
from infill_completion.engine.model.native.step import NativeStep
from infill_completion.engine.model.native.structs import StructBuilder
from tests.engine.model.native.conftest import SANITIZED
from tests.engine.model.native.int8_models import empty_cache, int8_tiny, needs_compiler, token_ids
from tests.engine.model.native.test_families import families, model_of
from tests.engine.model.native.test_int4 import in_four_bits, linear, random

pytestmark = needs_compiler
GUARD = 16  # numbers after each result that stay as they are
NAN = float("nan")


def probe_amx(library: ctypes.CDLL) -> bool:
    """Return whether the instructions work, tried in a process of its own as by the build."""
    command = [sys.executable, "-I", "-S", "-c", native_build._PROBE, library._name, "infill_probe_amx"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.fixture(params=["amx", "vectors"])
def blocks(native_library: ctypes.CDLL, request: pytest.FixtureRequest) -> Iterator[ctypes.CDLL]:
    """The library with matrix instructions and without them."""
    if not native_library.infill_block_rows():
        pytest.skip("this processor has no path for many rows")
    used = native_library.infill_uses_amx()
    if request.param == "vectors":
        native_library.infill_avoid_amx()
    elif not (used or (probe_amx(native_library) and native_library.infill_use_amx())):
        pytest.skip("this processor has no matrix instructions")
    yield native_library
    if used:
        native_library.infill_use_amx()
    else:
        native_library.infill_avoid_amx()


class KVRowsOf(ctypes.Structure):
    """``kv_rows_t``."""

    _fields_ = (("numbers", ctypes.c_void_p), ("scale", ctypes.c_void_p))


class Products:
    """The functions of blocks.h on a linear layer."""

    def __init__(self, library: ctypes.CDLL, layer: Int8Linear | Int4Linear) -> None:
        self._library, self._structs = library, StructBuilder()
        self._native = self._structs._linear(layer)
        self.outputs, self.inputs = self._native.outputs, self._native.inputs
        library.infill_block_bytes.restype = ctypes.c_size_t

    def _run(self, name: str, x: Tensor, rows: int, count: int, *more: int) -> Tensor:
        size = max(
            self._library.infill_block_bytes(self.inputs, rows),
            self._library.infill_linear_row_bytes(self.inputs) * min(rows, native.MAX_ROWS),
        )
        workspace = torch.empty(size, dtype=torch.uint8)
        y = torch.full((count + GUARD,), NAN)
        pointers = [ctypes.c_void_p(part.data_ptr()) for part in (x, workspace, y)]
        function = getattr(self._library, name)
        function.restype = None
        function(ctypes.byref(self._native), *more, pointers[0], ctypes.c_int(rows), *pointers[1:])
        assert y[count:].isnan().all()
        return y[:count]

    def one_by_one(self, x: Tensor) -> Tensor:
        """Return the product of each row alone."""
        rows = [self._run("infill_linear", row.contiguous(), 1, self.outputs) for row in x]
        return torch.stack(rows)

    def together(self, x: Tensor) -> Tensor:
        """Return the product of all rows at once."""
        return self._run("infill_block_linear", x, len(x), len(x) * self.outputs).view(len(x), -1)

    def of_columns(self, x: Tensor) -> Tensor:
        """Return the product of rows that are stored as columns."""
        return self._run("infill_block_linear_of_columns", columns_of(x), len(x), len(x) * self.outputs).view(
            len(x), -1
        )

    def fed_forward(self, x: Tensor, *, is_gated: bool) -> Tensor:
        """Return what a layer of gates and ups, or of ups alone, feeds to the next one."""
        size, tiles = self.outputs // 2 if is_gated else self.outputs, -(-len(x) // 16)
        columns = self._run("infill_block_gated", x, len(x), tiles * size * 16, int(is_gated))
        return columns.view(tiles, size, 16).transpose(1, 2).reshape(-1, size)[: len(x)]


def columns_of(x: Tensor) -> Tensor:
    padded = torch.nn.functional.pad(x, (0, 0, 0, -len(x) % 16))
    return padded.view(-1, 16, x.shape[1]).transpose(1, 2).contiguous()


def layer_of(outputs: int, inputs: int, *, bits: int, has_bias: bool, seed: int) -> Any:
    weight, bias = random(outputs, inputs, seed=seed) + 0.1, random(outputs) if has_bias else None
    return linear(weight, bias) if bits == 4 else Int8Linear(weight, bias)


def rows_of(rows: int, inputs: int, seed: int) -> Tensor:
    """Return rows of very different sizes, with a few numbers far larger than the rest."""
    x = random(rows, inputs, seed=seed) * torch.logspace(-3, 3, rows)[torch.randperm(rows)][:, None]
    x[:, seed % inputs] *= 50
    x[seed % rows] = 0
    return x.contiguous()


@given(
    outputs=st.integers(1, 100), inputs=st.integers(1, 400), rows=st.integers(1, 300), bits=st.sampled_from([4, 8]),
    has_bias=st.booleans(), seed=st.integers(0, 999),
)  # fmt: skip
@settings(
    max_examples=25 if SANITIZED else 100, derandomize=True, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
def test_many_rows_have_the_bits_of_single_rows(
    blocks: ctypes.CDLL, outputs: int, inputs: int, rows: int, bits: int, has_bias: bool, seed: int
) -> None:
    layer = layer_of(outputs, inputs, bits=bits, has_bias=has_bias, seed=seed)
    products, x = Products(blocks, layer), rows_of(rows, inputs, seed)
    expected = products.one_by_one(x)
    assert torch.equal(products.together(x), expected)
    assert torch.equal(products.of_columns(x), expected)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize(("outputs", "inputs", "rows"), [(896, 896, 600), (64, 4864, 257), (9728, 896, 40)])
def test_real_sizes_have_the_bits_of_single_rows(
    blocks: ctypes.CDLL, bits: int, outputs: int, inputs: int, rows: int
) -> None:
    products = Products(blocks, layer_of(outputs, inputs, bits=bits, has_bias=True, seed=1))
    x = rows_of(rows, inputs, 3)
    assert torch.equal(products.together(x), products.one_by_one(x))


@pytest.mark.parametrize("bits", [4, 8])
def test_the_largest_numbers_do_not_overflow(blocks: ctypes.CDLL, bits: int) -> None:
    weight = torch.ones(33, 20_000)
    weight[1], weight[2, ::2] = -1, -1
    layer: Any = linear(weight) if bits == 4 else Int8Linear(weight, None)
    x = torch.ones(18, 20_000)
    x[1], x[2, ::2] = -1, -1
    products = Products(blocks, layer)
    got = products.together(x)
    assert torch.equal(got, products.one_by_one(x))
    assert (got[0, 0] - 20_000).abs() < 100


@given(
    size=st.integers(1, 70), inputs=st.integers(1, 200), rows=st.integers(1, 100), bits=st.sampled_from([4, 8]),
    is_gated=st.booleans(), has_bias=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
@settings(
    max_examples=25 if SANITIZED else 60, derandomize=True, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
def test_activations_are_those_of_torch_on_the_products(
    blocks: ctypes.CDLL, size: int, inputs: int, rows: int, bits: int, is_gated: bool, has_bias: bool, seed: int
) -> None:
    if is_gated and bits == 4:
        size = 16 * (1 + size // 16)  # as blocks.h demands
    layer = layer_of(size * (1 + is_gated), inputs, bits=bits, has_bias=has_bias, seed=seed)
    products, x = Products(blocks, layer), rows_of(rows, inputs, seed)
    z = products.one_by_one(x)
    got = products.fed_forward(x, is_gated=is_gated)
    if is_gated:
        expected = torch.nn.functional.silu(z[:, :size]) * z[:, size:]
    else:
        expected = torch.nn.functional.gelu(z, approximate="tanh")
    assert torch.allclose(got, expected, rtol=1e-4, atol=1e-5)


SHAPES: dict[str, dict[str, Any]] = {
    "heads of 64": {"head_dim": 64},
    "heads of 128": {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 128},
    "heads of 32": {},
    "odd sizes": {"hidden_size": 96, "intermediate_size": 72, "head_dim": 64},
}


def check_parts(step: NativeStep, decoder: Any, length: int) -> None:
    """Compare one token at a time with a prompt in one piece, in blocks of odd sizes, and after a prefix."""
    ids, single = token_ids(1, length) % decoder.vocab_size, empty_cache(decoder, length)
    expected = torch.cat([step(ids[:, at : at + 1], single, at, all_logits=True) for at in range(length)], 1)
    assert torch.equal(step(ids, empty_cache(decoder, length), 0, all_logits=True), expected)
    for cuts in ((17, 40), (1, 33), (20, 21)):
        cache = empty_cache(decoder, length)
        for start, end in zip((0, *cuts), (*cuts, length), strict=True):
            assert torch.equal(step(ids[:, start:end], cache, start, all_logits=True), expected[:, start:end])
        for kept, other in zip([*cache.keys, *cache.values], [*single.keys, *single.values], strict=True):
            assert torch.equal(kept.numbers, other.numbers)
    two = step(ids.repeat(2, 1), empty_cache(decoder, length, 2), 0, all_logits=True)
    assert torch.equal(two[:1], expected)
    assert torch.equal(two[1:], expected)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_prompt_in_blocks_has_the_bits_of_single_tokens(
    tmp_path: Path, blocks: ctypes.CDLL, shape: dict[str, Any]
) -> None:
    decoder, _ = int8_tiny(tmp_path, **shape)
    step = NativeStep(blocks, decoder)
    check_parts(step, decoder, 61)


@families
@pytest.mark.parametrize("bits", [4, 8])
def test_each_family_in_blocks_has_the_bits_of_single_tokens(
    blocks: ctypes.CDLL, bits: int, shape: dict[str, Any]
) -> None:
    model = model_of(**shape)
    decoder = in_four_bits(model) if bits == 4 else Decoder(model, 64, cpu_int8=True)
    check_parts(NativeStep(blocks, decoder), decoder, 61)


@given(
    rows=st.integers(1, 50), before=st.integers(0, 200), heads=st.integers(1, 3),
    head_dim=st.sampled_from([64, 128, 192, 256]), seed=st.integers(0, 99),
)  # fmt: skip
@settings(
    max_examples=25 if SANITIZED else 80, derandomize=True, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
def test_attention_of_many_tokens_has_the_bits_of_single_tokens(
    blocks: ctypes.CDLL, rows: int, before: int, heads: int, head_dim: int, seed: int
) -> None:
    all_tokens = before + rows
    generator = torch.Generator().manual_seed(seed)
    keys, values = (
        torch.randint(-127, 128, (all_tokens, head_dim), generator=generator, dtype=torch.int8) for _ in range(2)
    )
    scales = torch.rand(2, all_tokens, generator=generator) * 0.1 + 1e-3
    queries = rows_of(rows, heads * head_dim, seed).clamp(-30, 30)
    got, expected = torch.full((2, rows + 1, heads * head_dim), NAN)
    cached = [KVRowsOf(keys.data_ptr(), scales[0].data_ptr()), KVRowsOf(values.data_ptr(), scales[1].data_ptr())]
    blocks.infill_block_attention_bytes.restype = ctypes.c_size_t
    workspace = torch.empty(blocks.infill_block_attention_bytes(all_tokens, head_dim), dtype=torch.uint8)
    blocks.infill_block_attention(
        ctypes.c_void_p(queries.data_ptr()), rows, heads * head_dim, heads, *cached, before + 1, head_dim,
        ctypes.c_void_p(workspace.data_ptr()), ctypes.c_void_p(got.data_ptr()),
    )  # fmt: skip
    small = torch.empty(blocks.infill_attention_workspace(all_tokens))
    for row in range(rows):
        visible = (ctypes.c_int32 * 4)(0, 0, 1, before + row + 1)
        for head in range(heads):
            query, out = queries[row, head * head_dim :], expected[row, head * head_dim :]
            blocks.infill_attention(
                ctypes.c_void_p(query.data_ptr()), *cached, ctypes.byref(visible), head_dim,
                ctypes.c_void_p(small.data_ptr()), ctypes.c_void_p(out.data_ptr()),
            )  # fmt: skip
    assert torch.equal(got[:rows], expected[:rows])
    assert got[rows:].isnan().all()
