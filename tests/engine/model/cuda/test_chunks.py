"""Prefill as on a CUDA device: the same numbers without a mask, and chunks as long as the device is fast."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from infill_completion.api import FinishReason
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.decoding.prefill import InterruptedPrefillError, prefill
from infill_completion.engine.model import fused_ops
from infill_completion.engine.model.causal import attend_causally
from infill_completion.engine.model.cuda.chunks import ChunkClock, ChunkLength
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.kv_slots import Slot

PROMPT = torch.arange(5, 45)[None]


@pytest.fixture
def as_on_cuda(tiny: Generator, monkeypatch: pytest.MonkeyPatch) -> Decoder:
    """A decoder whose heads share keys, and which takes the ways of a CUDA device."""
    decoder = tiny.model.forward_pass.decoder
    assert decoder.heads > decoder.kv_heads
    monkeypatch.setattr(decoder, "_is_cuda", True)
    return decoder


@pytest.mark.parametrize("shares_heads", [True, False])
@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 4), (8, 2)])
@pytest.mark.parametrize(("length", "end"), [(5, 5), (5, 12), (2, 300)])
def test_each_token_sees_itself_and_all_before_it(
    heads: int, kv_heads: int, length: int, end: int, *, shares_heads: bool
) -> None:
    random = torch.Generator().manual_seed(end)
    queries = torch.randn(1, heads, length, 16, generator=random)
    keys, values = (torch.randn(1, kv_heads, end, 16, generator=random) for _ in range(2))
    mask = torch.ones(length, end, dtype=torch.bool).tril(end - length)
    expected = torch.nn.functional.scaled_dot_product_attention(
        queries, keys, values, attn_mask=mask, enable_gqa=heads > kv_heads
    )
    got = attend_causally(queries, keys, values, shares_heads=shares_heads)
    assert torch.allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("has_flash", [True, False])
def test_chunks_give_the_logits_of_the_whole_prompt_without_a_mask(
    as_on_cuda: Decoder, monkeypatch: pytest.MonkeyPatch, *, has_flash: bool
) -> None:
    monkeypatch.setattr(as_on_cuda, "_has_flash", has_flash)
    monkeypatch.setattr(as_on_cuda, "_is_cuda", False)
    expected = as_on_cuda.forward(PROMPT, KVCache(as_on_cuda.kv_shape, 64), 0)
    monkeypatch.setattr(as_on_cuda, "_is_cuda", True)
    calls = []

    def recorded(*tensors: torch.Tensor, **options: Any) -> torch.Tensor:
        calls.append(options)
        return attend_causally(*tensors, **options)

    monkeypatch.setattr("infill_completion.engine.model.decoder.attend_causally", recorded)
    cache = KVCache(as_on_cuda.kv_shape, 64)
    for start, end in ((0, 17), (17, 25), (25, 40)):
        logits = as_on_cuda.forward(PROMPT[:, start:end], cache, start)
    assert torch.allclose(logits, expected, atol=1e-4)
    assert calls == [{"shares_heads": has_flash, "scale": 0.25}] * 3 * len(as_on_cuda.layers)


def test_a_single_token_and_candidates_attend_as_before(as_on_cuda: Decoder) -> None:
    cache = KVCache(as_on_cuda.kv_shape, 64)
    whole = as_on_cuda.forward(PROMPT, KVCache(as_on_cuda.kv_shape, 64), 0)
    as_on_cuda.forward(PROMPT[:, :-1], cache, 0)
    assert torch.allclose(as_on_cuda.forward(PROMPT[:, -1:], cache, PROMPT.shape[1] - 1), whole, atol=1e-4)


def test_the_operations_of_a_device_are_used(as_on_cuda: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = dict.fromkeys(("add_and_norm", "rotate", "gate"), 0)

    def counted(name: str) -> Any:
        def operation(*arguments: Any) -> Any:
            calls[name] += 1
            return getattr(fused_ops.PLAIN, name)(*arguments)

        return operation

    monkeypatch.setattr(as_on_cuda, "ops", fused_ops.PLAIN._replace(**{name: counted(name) for name in calls}))
    as_on_cuda.forward(PROMPT, KVCache(as_on_cuda.kv_shape, 64), 0)
    layers = len(as_on_cuda.layers)
    assert calls == {"add_and_norm": 2 * layers, "rotate": layers, "gate": layers}


def test_chunks_are_as_long_as_the_device_is_fast() -> None:
    length = ChunkLength()
    assert length.tokens == 1024
    length.measured(1024, 0.05)  # 20,000 tokens a second
    assert length.tokens == 2048
    length.measured(100, 1.0)  # too short to tell
    assert length.tokens == 2048
    length.measured(2048, 0.5)  # 4,096 tokens a second
    assert length.tokens == 512
    length.measured(512, 2.0)
    assert length.tokens == 256
    length.measured(256, 0.0)
    assert length.tokens == 256


class Event:
    """An event of a device on which each chunk takes 0.5 s."""

    recorded = 0

    def __init__(self, *, enable_timing: bool) -> None:
        assert enable_timing
        self.at, self.waits = 0, 0

    def record(self, stream: object) -> None:
        Event.recorded += 1
        self.at = Event.recorded

    def synchronize(self) -> None:
        self.waits += 1

    def elapsed_time(self, end: Event) -> float:
        assert end.waits
        return 500.0 * (end.at - self.at)


def test_cancelling_is_looked_at_when_the_device_has_read_a_chunk(
    tiny: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: None)
    decoder = tiny.model.forward_pass.decoder
    forward_pass, length = ForwardPass(decoder), ChunkLength()
    length.tokens = 300
    clock = ChunkClock(length, decoder.device)
    monkeypatch.setattr(forward_pass, "_clock", clock)
    monkeypatch.setattr(forward_pass, "_chunk_length", length)
    slot, ids = Slot(KVCache(decoder.kv_shape, 512)), [5 + at % 100 for at in range(500)]
    waited = []

    def poll() -> FinishReason | None:
        waited.append(clock._end.waits)
        return FinishReason.CANCELLED if len(waited) == 2 else None

    with pytest.raises(InterruptedPrefillError):
        prefill(forward_pass, slot, ids, poll)
    assert waited == [0, 1]
    assert len(slot.ids) == 300
    assert length.tokens == 256  # the next chunk is shorter: 600 tokens a second
    logits = prefill(forward_pass, slot, ids, lambda: None)
    whole = decoder.forward(torch.tensor([ids]), KVCache(decoder.kv_shape, 512), 0)
    assert torch.allclose(logits, whole, atol=1e-3)
