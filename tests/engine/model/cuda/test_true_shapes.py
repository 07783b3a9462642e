"""The decode step and the prefill at CodeLlama's true shapes, on fake CUDA tensors: no device and no memory is needed.

A fake tensor raises an error when the host reads it, and when tensors of different devices meet.  A build of torch
without CUDA cannot index fake CUDA tensors; there they are on the CPU, and several devices are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch._dynamo  # before a test replaces classes that it refers to
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from infill_completion.catalog import ModelShape
from infill_completion.engine.bench.random_weights import SHAPES
from infill_completion.engine.model import decoder as decoder_module
from infill_completion.engine.model import huge_pages
from infill_completion.engine.model.cuda.device_loop import DeviceLoop
from infill_completion.engine.model.cuda.kernel_step import KernelStep
from infill_completion.engine.model.cuda.kernels.nf4 import Codebooks, NF4Matrix
from infill_completion.engine.model.cuda.kernels.step_kernels import StepKernels
from infill_completion.engine.model.cuda.kernels.step_weights import LayerWeights, StepWeights
from infill_completion.engine.model.cuda.static_step import StaticStep, bucket_of
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.kv_cache import KVCache

HAS_CUDA_BUILD = torch.backends.cuda.is_built()
DEVICE = "cuda" if HAS_CUDA_BUILD else "cpu"
several = pytest.mark.skipif(not HAS_CUDA_BUILD, reason="needs a build of torch for CUDA, but no device")
COUNTS = [1, pytest.param(2, marks=several)]
CAPACITY = 2560
NAMES = ("7b", "13b", "34b")


class Rotary(nn.Module):
    def __init__(self, head_dim: int) -> None:
        super().__init__()
        self.head_dim = head_dim

    def forward(self, like: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        angles = positions[..., None].float() * torch.ones(self.head_dim, device=like.device)
        return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


class Norm(nn.Module):
    def __init__(self, size: int, device: torch.device) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size, dtype=torch.bfloat16, device=device), requires_grad=False)


def llama(shape: ModelShape, devices: list[torch.device]) -> Any:
    """Return the parts of a Llama that a decoder reads, with layer ``i`` on device ``i``; the last repeats."""

    def linear(inputs: int, outputs: int, device: torch.device) -> nn.Linear:
        return nn.Linear(inputs, outputs, bias=False, dtype=torch.bfloat16, device=device).requires_grad_(False)

    hidden, inner = shape.hidden, shape.intermediate
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    layers = []
    for index in range(shape.layers):
        device = devices[min(index, len(devices) - 1)]
        attention = SimpleNamespace(
            q_proj=linear(hidden, queries, device), k_proj=linear(hidden, keys, device),
            v_proj=linear(hidden, keys, device), o_proj=linear(queries, hidden, device),
        )  # fmt: skip
        mlp = SimpleNamespace(
            gate_proj=linear(hidden, inner, device), up_proj=linear(hidden, inner, device),
            down_proj=linear(inner, hidden, device),
        )  # fmt: skip
        norms = {name: Norm(hidden, device) for name in ("input_layernorm", "post_attention_layernorm")}
        layers.append(SimpleNamespace(self_attn=attention, mlp=mlp, **norms))
    embed = SimpleNamespace(weight=torch.ones(shape.vocab, hidden, dtype=torch.bfloat16, device=devices[0]))
    core = SimpleNamespace(
        layers=layers, embed_tokens=embed, norm=Norm(hidden, devices[-1]), rotary_emb=Rotary(shape.head_dim)
    )
    config = SimpleNamespace(
        model_type="llama", num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim, rms_norm_eps=1e-5, hidden_size=hidden, vocab_size=shape.vocab,
        intermediate_size=inner,
    )  # fmt: skip
    return SimpleNamespace(config=config, model=core, lm_head=linear(hidden, shape.vocab, devices[-1]))


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make every tensor fake; what asks the driver gets an answer from here."""
    generator = torch.Generator
    monkeypatch.setattr(torch, "Generator", lambda device: generator())
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(huge_pages, "untouched", lambda shape, dtype: torch.zeros(*shape, dtype=dtype))
    with FakeTensorMode():
        yield


def devices_of(count: int) -> list[torch.device]:
    return [torch.device(DEVICE, index) if HAS_CUDA_BUILD else torch.device(DEVICE) for index in range(count)]


def test_fake_tensors_notice_a_host_read() -> None:
    with pytest.raises(DataDependentOutputException):
        float(torch.ones(2, device=DEVICE)[0])


@several
def test_fake_tensors_notice_mixed_devices() -> None:
    with pytest.raises((RuntimeError, TypeError), match="device"):
        torch.ones(2, device="cuda") + torch.ones(2)


@pytest.mark.parametrize("devices", COUNTS)
@pytest.mark.parametrize("rows", [1, 5, 8])
@pytest.mark.parametrize("name", NAMES)
def test_a_step_reads_nothing_on_the_host_and_mixes_no_devices(name: str, rows: int, devices: int) -> None:
    shape = SHAPES[name]
    decoder = Decoder(llama(shape, devices_of(devices)), CAPACITY)
    cache, step = KVCache(decoder.kv_shape, CAPACITY), StaticStep(decoder, rows)
    for fork in (None, Fork(2000, 3)):
        step.feed([1] * rows, 2048, fork)
        step.run(cache, bucket_of(2048 + rows, CAPACITY))
    assert step.result.shape == (rows, 2)
    assert step.logits.shape == (rows, shape.vocab)
    assert {step.result.device, step.logits.device, step.ids.device} == {devices_of(1)[0]}


class SmallestDevice:
    """Refuses launches that some device with the kernels cannot run, and keeps the others."""

    def __init__(self) -> None:
        self.launches: list[tuple[str, tuple[int, int, int], tuple[Tensor | int | float, ...]]] = []

    def launch(
        self, name: str, grid: tuple[int, int, int], block: int, shared_bytes: int, *arguments: Tensor | int | float
    ) -> None:
        assert 1 <= block <= 1024
        assert min(grid) >= 1
        assert max(grid[1:]) < 1 << 16
        assert shared_bytes <= 99 << 10, name  # of sm_86 and sm_89, which have the least
        assert all(abs(each) < 1 << 31 for each in (*grid, *arguments) if isinstance(each, int))
        assert {each.device for each in arguments if isinstance(each, Tensor)} == {devices_of(1)[0]}
        self.launches.append((name, grid, arguments))


def in_four_bits(decoder: Decoder, shape: ModelShape) -> StepWeights:
    """Return weights of a decoder's shapes, as bitsandbytes stores them."""

    def zeros(*size: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
        return torch.zeros(*size, dtype=dtype, device=decoder.device)

    def matrix(outputs: int, inputs: int) -> NF4Matrix:
        count = outputs * inputs
        packed, scales = zeros(count // 2, 1, dtype=torch.uint8), zeros(count // 64, dtype=torch.uint8)
        coarse = zeros(-(-count // 64 // 256), dtype=torch.float32)
        return NF4Matrix(packed, scales, coarse, zeros(1, dtype=torch.float32), outputs, inputs)

    hidden, inner = shape.hidden, shape.intermediate
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    layer = LayerWeights(
        matrix(queries, hidden), matrix(keys, hidden), matrix(keys, hidden), zeros(queries + 2 * keys),
        matrix(hidden, queries), matrix(inner, hidden), matrix(inner, hidden), matrix(hidden, inner),
        zeros(hidden), zeros(hidden),
    )  # fmt: skip
    books = Codebooks(zeros(16, dtype=torch.float32), zeros(256, dtype=torch.float32))
    return StepWeights((layer,) * shape.layers, books, zeros(shape.vocab, hidden))


@pytest.mark.parametrize("is_rounded", [False, True])
@pytest.mark.parametrize("rows", [1, 8])
@pytest.mark.parametrize("name", NAMES)
def test_a_step_in_kernels_fits_every_device_at_the_longest_context(name: str, rows: int, is_rounded: bool) -> None:
    shape, at, capacity = SHAPES[name], 16_384, 16_384 + 512
    decoder, device = Decoder(llama(shape, devices_of(1)), capacity), SmallestDevice()
    kernels = StepKernels(decoder, in_four_bits(decoder, shape), device, 16, capacity)
    kv_shape = decoder.kv_shape._replace(dtype=torch.int8) if is_rounded else decoder.kv_shape
    cache, step = KVCache(kv_shape, capacity), KernelStep(kernels, rows)
    step.feed([1] * rows, at, Fork(16_000, 3))
    step.run(cache, bucket := bucket_of(at + rows, capacity))
    assert step.logits.shape == (rows, shape.vocab)
    assert len(device.launches) == 3 + (6 if is_rounded else 5) * shape.layers
    attention = [(grid, tensors) for name, grid, tensors in device.launches if name.startswith("attention")]
    assert len(attention) == shape.layers
    for (heads, chunks, tiles), (*_, sums, stats, counters, out, _, group, _, _, _, likely, _) in attention:
        assert isinstance(sums, Tensor)
        assert isinstance(stats, Tensor)
        assert isinstance(counters, Tensor)
        assert isinstance(out, Tensor)
        parts = shape.heads * rows * chunks
        assert sums.numel() >= parts * shape.head_dim
        assert stats.numel() >= 2 * parts
        assert counters.numel() >= heads * tiles
        assert (heads, group) == (shape.kv_heads, shape.heads // shape.kv_heads)
        assert out.shape == (rows, shape.heads, shape.head_dim)
        assert 0 < int(likely) <= at < bucket
        assert 16 * tiles >= rows * int(group)


@pytest.mark.parametrize("devices", COUNTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_in_two_chunks_reads_nothing_on_the_host(
    name: str, devices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = SHAPES[name]
    # torch's own choice of a kernel asks the driver, so that its flash kernel is called as torch would.
    flash = torch.ops.aten._scaled_dot_product_flash_attention

    def attend(queries: Tensor, keys: Tensor, values: Tensor, *, shares_heads: bool, scale: float) -> Tensor:
        assert shares_heads
        assert keys.shape[1] == shape.kv_heads
        result: Tensor = flash(queries, keys, values, 0.0, is_causal=True, return_debug_mask=False, scale=scale)[0]
        return result

    monkeypatch.setattr(decoder_module, "attend_causally", attend)
    decoder = Decoder(llama(shape, devices_of(devices)), CAPACITY)
    cache = KVCache(decoder.kv_shape, CAPACITY)
    for start, length in ((0, 1024), (1024, 1004)):
        logits = decoder.forward(torch.ones(1, length, dtype=torch.long, device=DEVICE), cache, start)
    assert logits.shape == (1, shape.vocab)
    assert logits.device == devices_of(1)[0]


@several
def test_a_model_on_two_devices_says_that_it_is_not_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "Event", object)
    zeros = torch.zeros

    def not_pinned(*size: int, **options: Any) -> Tensor:  # pinning asks the driver
        return zeros(*size, **{**options, "pin_memory": False})

    monkeypatch.setattr(torch, "zeros", not_pinned)
    loop = DeviceLoop(Decoder(llama(SHAPES["7b"], devices_of(2)), CAPACITY), 4)
    assert not loop.capture.is_on
    assert loop.mode == (
        "torch's operators, one launch at a time: The layers are on 2 devices, and a graph belongs to one."
    )
