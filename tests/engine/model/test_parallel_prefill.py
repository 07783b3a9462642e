"""A long prompt in parts on several threads: the logits of one thread, and no thread that blocks for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.kv_cache import KVCache

DEADLINE_S = 30.0
IDS = torch.randint(5, 4000, (400,), generator=torch.Generator().manual_seed(3)).tolist()


@pytest.fixture(params=[1, 2, 3, 4], ids=lambda threads: f"{threads} threads")
def forward_pass(tiny: Generator, request: pytest.FixtureRequest) -> Iterator[ForwardPass]:
    made = ForwardPass(tiny.model.forward_pass.decoder, request.param)
    yield made
    made.close()


@pytest.mark.parametrize("length", [1, 31, 65, 200, 400])
@pytest.mark.parametrize("start", [0, 7])
def test_the_last_logits_and_the_cache_are_those_of_one_thread(
    tiny: Generator, forward_pass: ForwardPass, length: int, start: int
) -> None:
    decoder = tiny.model.forward_pass.decoder
    caches = [KVCache(decoder.kv_shape, 512) for _ in range(2)]
    for cache in caches:
        if start:
            decoder.forward(torch.tensor([IDS[-start:]]), cache, 0)
    expected = decoder.forward(torch.tensor([IDS[:length]]), caches[0], start)
    got = forward_pass.prefill(IDS[:length], caches[1], start)
    assert torch.allclose(got, expected, atol=1e-4)
    end = start + length
    for layer in range(len(decoder.layers)):
        for one, other in zip(caches[0].read(layer, end), caches[1].read(layer, end), strict=True):
            assert torch.allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_a_part_that_fails_is_reported_and_lets_the_others_end(
    tiny: Generator, monkeypatch: pytest.MonkeyPatch, bad: int
) -> None:
    forward_pass, forward, length = ForwardPass(tiny.model.forward_pass.decoder, 3), Decoder.forward, 120

    def fails(self: Decoder, ids: torch.Tensor, cache: KVCache, start: int, **more: Any) -> torch.Tensor:
        if start == bad * length // 3:
            raise MemoryError("no room for this part")
        return forward(self, ids, cache, start, **more)

    errors: list[BaseException] = []

    def call() -> None:
        try:
            forward_pass.prefill(IDS[:length], KVCache(tiny.model.forward_pass.kv_shape, 512), 0)
        except MemoryError as error:
            errors.append(error)

    monkeypatch.setattr(Decoder, "forward", fails)
    caller = threading.Thread(target=call, daemon=True)
    caller.start()
    caller.join(DEADLINE_S)
    assert not caller.is_alive()
    assert len(errors) == 1
    monkeypatch.setattr(Decoder, "forward", forward)
    logits = forward_pass.prefill(IDS[:length], KVCache(forward_pass.kv_shape, 512), 0)
    assert logits.shape == (1, forward_pass.decoder.vocab_size)
    forward_pass.close()
