"""Split attention in the emulator, against attention in float64, and against itself."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from infill_completion.engine.model.cuda.kernels.attention import PLANS, Plan, SplitAttention, plan_for
from infill_completion.engine.model.fork import Fork, visible
from infill_completion.engine.model.kv_cache import KVCache, KVShape
from tests.engine.model.cuda.emulator.kernels import EmulatedKernels

CPU = torch.device("cpu")
ONE_TEXT = Fork(0, 1)


class Heads(NamedTuple):
    heads: int
    kv_heads: int
    head_dim: int


LLAMA_7B = Heads(2, 2, 128)  # a query head for each key-value head
LLAMA_34B = Heads(16, 2, 128)  # eight
SMALL = Heads(6, 2, 64)  # three, which divides no tile


class Layer:
    """Random keys and values of a layer, and queries for its last rows."""

    def __init__(self, heads: Heads, capacity: int, number: torch.dtype, seed: int = 0) -> None:
        self.heads, self._random = heads, torch.Generator().manual_seed(seed)
        self.keys, self.values = (self._numbers(heads.kv_heads, capacity, heads.head_dim, number) for _ in range(2))
        self.queries = self._numbers(8, heads.heads, heads.head_dim, number)
        self.scales: tuple[Tensor, Tensor] | None = None

    def rounded(self) -> Layer:
        """Round keys and values to 8 bits."""
        cache = KVCache(KVShape((CPU,), self.heads.kv_heads, self.heads.head_dim, torch.int8), self.keys.shape[1])
        cache.write(0, self.keys[None].float(), self.values[None].float(), 0)
        (keys,), (values,) = cache.keys, cache.values
        assert keys.scale is not None
        assert values.scale is not None
        self.keys, self.values, self.scales = keys.numbers[0], values.numbers[0], (keys.scale[0], values.scale[0])
        return self

    def _numbers(self, a: int, b: int, c: int, number: torch.dtype) -> Tensor:
        return torch.randn(a, b, c, generator=self._random).to(number)


def attention(
    launcher: EmulatedKernels, heads: Heads, rows: int = 8, bucket: int = 2048, plan: Plan | None = None
) -> SplitAttention:
    return SplitAttention(launcher, **heads._asdict(), rows=rows, bucket=bucket, device=CPU, plan=plan)


def attend(split: SplitAttention, layer: Layer, rows: slice, first: int, bucket: int, fork: Fork = ONE_TEXT) -> Tensor:
    """Return what the kernel makes of some of the layer's queries; ``first`` is the index of query 0."""
    q = layer.queries[rows].contiguous()
    out = torch.full_like(q, torch.nan)
    at, shared, ways = torch.tensor([first + (rows.start or 0)]), torch.tensor(fork.shared), torch.tensor(fork.ways)
    split(q, layer.keys, layer.values, at, shared, ways, bucket, out, layer.scales)
    return out


def expected(layer: Layer, rows: slice, first: int, bucket: int, fork: Fork = ONE_TEXT) -> Tensor:
    q = layer.queries[rows].double()
    at = first + torch.arange(8)[rows]
    group = layer.heads.heads // layer.heads.kv_heads
    keys, values = layer.keys.double(), layer.values.double()
    if layer.scales is not None:
        keys, values = keys * layer.scales[0].unsqueeze(-1), values * layer.scales[1].unsqueeze(-1)
    keys, values = (part[:, :bucket].repeat_interleave(group, 0) for part in (keys, values))
    scores = torch.einsum("rhd,hkd->hrk", q, keys) / layer.heads.head_dim**0.5
    weights = scores.masked_fill(~visible(at, bucket, *fork), -torch.inf).softmax(-1)
    return torch.einsum("hrk,hkd->rhd", weights, values)


def assert_close(actual: Tensor, reference: Tensor) -> None:
    # Weights and results are rounded to numbers.
    tolerance = 2 * torch.finfo(actual.dtype).eps
    torch.testing.assert_close(actual.double(), reference, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("heads", [LLAMA_7B, LLAMA_34B, SMALL])
@pytest.mark.parametrize("rows", [1, 2, 5, 8])
@pytest.mark.parametrize("length", [1, 15, 128, 129, 700])
def test_each_row_attends_to_the_keys_up_to_its_own(
    emulated: EmulatedKernels, number: torch.dtype, heads: Heads, rows: int, length: int
) -> None:
    layer, bucket = Layer(heads, 1024, number), 256 if length + rows < 256 else 768
    split = attention(emulated, heads)
    first = length - 1
    actual = attend(split, layer, slice(rows), first, bucket)
    assert_close(actual, expected(layer, slice(rows), first, bucket))


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("fork", [ONE_TEXT, Fork(130, 3)])
def test_every_plan_attends_to_the_same_keys(
    emulated: EmulatedKernels, number: torch.dtype, plan: Plan, fork: Fork
) -> None:
    for heads in (LLAMA_7B, LLAMA_34B):
        layer, split = Layer(heads, 1280, number), attention(emulated, heads, plan=plan)
        for first, smallest in ((150, 192), (699, 768), (1190, 1280)):
            together = attend(split, layer, slice(8), first, 1280, fork)
            assert_close(together, expected(layer, slice(8), first, 1280, fork))
            assert torch.equal(attend(split, layer, slice(8), first, smallest, fork), together)
            assert torch.equal(attend(split, layer, slice(2, 3), first, smallest, fork), together[2:3])


def test_a_model_has_one_plan() -> None:
    assert {plan_for(kv_heads) for kv_heads in range(1, 129)} <= set(PLANS)


@pytest.mark.parametrize("fork", [Fork(1, 2), Fork(130, 3), Fork(250, 5), Fork(384, 7)])
@pytest.mark.parametrize("rows", [1, 3, 8])
def test_candidates_see_the_prompt_and_their_own_tokens(
    emulated: EmulatedKernels, number: torch.dtype, fork: Fork, rows: int
) -> None:
    layer, first = Layer(SMALL, 512, number), fork.shared + 19
    actual = attend(attention(emulated, SMALL), layer, slice(rows), first, 512, fork)
    assert_close(actual, expected(layer, slice(rows), first, 512, fork))


@pytest.mark.parametrize("heads", [LLAMA_34B, SMALL])
@pytest.mark.parametrize("fork", [ONE_TEXT, Fork(200, 3)])
@pytest.mark.parametrize("first", [3, 126, 253, 377, 600])
def test_a_row_has_the_same_bits_in_any_step_and_bucket(
    emulated: EmulatedKernels, number: torch.dtype, heads: Heads, fork: Fork, first: int
) -> None:
    first = max(first, fork.shared)
    layer = Layer(heads, 2048, number)
    split = attention(emulated, heads)
    together = attend(split, layer, slice(8), first, 768, fork)
    for rows in (slice(1), slice(1, 3), slice(2, 7), slice(7, 8)):
        smallest = first + rows.stop
        for bucket in (smallest, 1024, 2048):
            assert torch.equal(attend(split, layer, rows, first, bucket, fork), together[rows])


def test_one_chunk_gives_the_same_bits_alone_and_among_masked_ones(
    emulated: EmulatedKernels, number: torch.dtype
) -> None:
    layer = Layer(LLAMA_7B, 1024, number)
    split = attention(emulated, LLAMA_7B)
    alone = attend(split, layer, slice(1), 60, 128)
    assert torch.equal(attend(split, layer, slice(1), 60, 1024), alone)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_blocks_changes_nothing(kernel_build_folder, number: torch.dtype, seed: int) -> None:
    layer, half = Layer(SMALL, 1024, number), number == torch.float16
    results = []
    for order in (0, seed):
        emulated = EmulatedKernels(kernel_build_folder, half=half, seed=order)
        results.append(attend(attention(emulated, SMALL), layer, slice(8), 690, 1024))
    assert torch.equal(*results)


def test_calls_of_different_sizes_follow_each_other(emulated: EmulatedKernels, number: torch.dtype) -> None:
    layer = Layer(LLAMA_34B, 1024, number)
    split = attention(emulated, LLAMA_34B, bucket=1024)
    for rows, first, bucket in ((8, 500, 768), (1, 900, 1024), (5, 0, 256), (1, 0, 1024), (8, 1016, 1024)):
        actual = attend(split, layer, slice(rows), first, bucket)
        assert_close(actual, expected(layer, slice(rows), first, bucket))


def test_a_bucket_need_not_be_a_multiple_of_anything(emulated: EmulatedKernels, number: torch.dtype) -> None:
    layer = Layer(SMALL, 333, number)
    actual = attend(attention(emulated, SMALL), layer, slice(8), 325, 333)
    assert_close(actual, expected(layer, slice(8), 325, 333))


def test_keys_that_no_row_sees_do_not_count(emulated: EmulatedKernels, number: torch.dtype) -> None:
    layer = Layer(LLAMA_7B, 512, number)
    split = attention(emulated, LLAMA_7B)
    before = attend(split, layer, slice(2), 140, 512)
    layer.keys[:, 142:], layer.values[:, 142:] = 3e4, -3e4
    assert torch.equal(attend(split, layer, slice(2), 140, 512), before)


def test_very_different_scores_neither_overflow_nor_vanish(emulated: EmulatedKernels, number: torch.dtype) -> None:
    layer = Layer(LLAMA_7B, 512, number)
    layer.queries *= 30
    actual = attend(attention(emulated, LLAMA_7B), layer, slice(8), 400, 512)
    assert actual.isfinite().all()
    assert_close(actual, expected(layer, slice(8), 400, 512))


@pytest.mark.parametrize("heads", [LLAMA_7B, LLAMA_34B])
@pytest.mark.parametrize(
    ("fork", "first", "bucket"), [(ONE_TEXT, 0, 256), (ONE_TEXT, 699, 768), (Fork(130, 3), 149, 256)]
)
@pytest.mark.parametrize("rows", [1, 5, 8])
def test_keys_and_values_in_8_bits(
    emulated: EmulatedKernels, number: torch.dtype, heads: Heads, fork: Fork, first: int, bucket: int, rows: int
) -> None:
    layer = Layer(heads, 1024, number).rounded()
    actual = attend(attention(emulated, heads), layer, slice(rows), first, bucket, fork)
    assert_close(actual, expected(layer, slice(rows), first, bucket, fork))


def test_keys_and_values_of_very_different_sizes_in_8_bits(emulated: EmulatedKernels, number: torch.dtype) -> None:
    layer = Layer(LLAMA_7B, 1024, number)
    sizes = torch.logspace(-6, 1, 1024)[torch.randperm(1024, generator=torch.Generator().manual_seed(0))]
    layer.keys, layer.values = layer.keys * sizes[:, None], layer.values * sizes.flip(0)[:, None]
    layer.rounded()
    actual = attend(attention(emulated, LLAMA_7B), layer, slice(8), 900, 1024)
    assert_close(actual, expected(layer, slice(8), 900, 1024))


@pytest.mark.parametrize("first", [3, 126, 600])
def test_8_bits_too_give_a_row_the_same_bits_in_any_step_and_bucket(
    emulated: EmulatedKernels, number: torch.dtype, first: int
) -> None:
    layer, split = Layer(LLAMA_34B, 2048, number).rounded(), attention(emulated, LLAMA_34B)
    together = attend(split, layer, slice(8), first, 768)
    for rows in (slice(1), slice(2, 7)):
        for bucket in (first + rows.stop, 2048):
            assert torch.equal(attend(split, layer, rows, first, bucket), together[rows])
