"""The compiled step: the numbers of torch, and bit for bit the same for drafts, parts of prompts and candidates."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pytest
import torch

from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.native import step as native
from infill_completion.engine.model.native.step import NativeStep
from tests.engine.model.native.int8_models import RoundedCache, empty_cache, int8_tiny, needs_compiler, token_ids
from tests.engine.tiny import VOCABULARY

pytestmark = needs_compiler


SHAPES = {
    "grouped heads": {},
    "wide heads": {"num_key_value_heads": 4, "head_dim": 64, "hidden_size": 96},
    "heads of 128": {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 128},
    "heads of 80": {"head_dim": 80, "num_attention_heads": 2, "num_key_value_heads": 2},
    "heads of 256": {"head_dim": 256, "num_attention_heads": 2, "num_key_value_heads": 1},
    "a stream wider than what it feeds": {"hidden_size": 384, "intermediate_size": 32},
    "biases": {"attention_bias": True, "intermediate_size": 160},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_logits_are_those_of_float32_on_the_same_weights_and_keys_in_eight_bits(
    tmp_path: Path, library: ctypes.CDLL, shape: dict[str, Any]
) -> None:
    decoder, model = int8_tiny(tmp_path, **shape)
    assert native.suits(decoder)
    step, ids = NativeStep(library, decoder), token_ids(2, 20)
    cache = empty_cache(decoder, 24, 2)
    pieces = [
        step(ids[:, a:b], cache, a, all_logits=True)
        for a, b in ((0, 8), (8, 13), (13, 16), (16, 18), (18, 19), (19, 20))
    ]
    with torch.inference_mode():
        expected = model(ids, past_key_values=RoundedCache()).logits
        exact = model(ids).logits
    got = torch.cat(pieces, 1)
    # A difference of 1e-6 rounds a key the other way where it lies between two integers.
    noise = (expected - exact).norm()
    assert (got - expected).norm() < 0.5 * noise
    assert (got - exact).norm() < 1.25 * noise
    assert noise < 0.02 * exact.norm()  # so small that it can say something


def test_several_tokens_at_once_are_bit_for_bit_what_they_are_one_by_one(tmp_path: Path, library: ctypes.CDLL) -> None:
    decoder, _ = int8_tiny(tmp_path)
    step, ids = NativeStep(library, decoder), token_ids(1, native.MAX_ROWS)
    cache = empty_cache(decoder, 40)
    single = torch.cat([step(ids[:, at : at + 1], cache, at, all_logits=True) for at in range(ids.shape[1])], 1)
    for length in (2, 3, 5, native.MAX_ROWS):
        together = step(ids[:, :length], cache, 0, all_logits=True)
        assert torch.equal(together, single[:, :length])
        assert torch.equal(step(ids[:, :length], cache, 0, all_logits=False), single[:, length - 1])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_prompt_is_read_to_the_same_bits_in_one_piece_in_parts_and_token_by_token(
    tmp_path: Path, library: ctypes.CDLL, threads: int
) -> None:
    decoder, _ = int8_tiny(tmp_path)
    forward_pass = ForwardPass(decoder, threads)
    forward_pass._step, forward_pass._is_decided = NativeStep(library, decoder), True
    forward_pass._step.prefills = True  # also where torch would read it faster
    ids, caches = token_ids(1, 61), [empty_cache(decoder, 64) for _ in range(3)]
    for at in range(60):
        forward_pass.scores([int(ids[0, at])], caches[0], at)
    expected = forward_pass.scores([int(ids[0, 60])], caches[0], 60)[0].clone()
    assert torch.equal(forward_pass.forward(ids, caches[1], 0, all_logits=True)[0, 60], expected)
    read = forward_pass.prefill(ids[0, :60].tolist(), caches[2], 0)
    forward_pass.close()
    assert torch.equal(read[0], forward_pass.forward(ids[:, :60], caches[1], 0)[0])
    assert torch.equal(forward_pass.scores([int(ids[0, 60])], caches[2], 60)[0], expected)


def test_candidates_side_by_side_are_what_each_is_alone(tmp_path: Path, library: ctypes.CDLL) -> None:
    decoder, _ = int8_tiny(tmp_path)
    step, ids = NativeStep(library, decoder), token_ids(3, 5)
    together = step(ids, empty_cache(decoder, 16, 3), 0, all_logits=True)
    for row in range(3):
        alone = step(ids[row : row + 1], empty_cache(decoder, 30), 0, all_logits=True)
        assert torch.equal(together[row : row + 1], alone)


@pytest.mark.parametrize("ways", [2, 3, 5])
def test_candidates_in_one_cache_are_bit_for_bit_what_each_is_alone(
    tmp_path: Path, library: ctypes.CDLL, ways: int
) -> None:
    decoder, _ = int8_tiny(tmp_path)
    step, prompt, answers = NativeStep(library, decoder), token_ids(1, 7), token_ids(ways, 3)
    cache = empty_cache(decoder, 7 + 3 * ways)
    step(prompt, cache, 0, all_logits=False)
    together = step(answers.T.reshape(1, -1), cache, 7, all_logits=True, fork=Fork(7, ways))[0]
    for row in range(ways):
        alone_cache = empty_cache(decoder, 10)
        step(prompt, alone_cache, 0, all_logits=False)
        alone = step(answers[row : row + 1], alone_cache, 7, all_logits=True)[0]
        assert torch.equal(together.view(3, ways, -1)[:, row], alone)


def test_the_step_continues_a_prompt_that_torch_has_read(tmp_path: Path, library: ctypes.CDLL) -> None:
    decoder, model = int8_tiny(tmp_path)
    ids, cache = token_ids(1, 30), empty_cache(decoder, 40)
    decoder.forward(ids[:, :29], cache, 0)
    with torch.inference_mode():
        expected = model(ids).logits[:, -1]
    got = NativeStep(library, decoder)(ids[:, 29:], cache, 29, all_logits=False)
    assert (got - expected).abs().max() < 0.05 * expected.abs().max()  # the prompt is read in bf16


def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path: Path, library: ctypes.CDLL) -> None:
    decoder, _ = int8_tiny(tmp_path)
    step, cache = NativeStep(library, decoder), empty_cache(decoder, 8)
    with pytest.raises(IndexError, match="do not fit"):
        step(token_ids(1, 4), cache, 5, all_logits=False)
    for id_ in (-1, VOCABULARY):
        with pytest.raises(IndexError, match="vocabulary"):
            step(torch.tensor([[id_]]), cache, 0, all_logits=False)
    assert not any(kept.numbers.any() for kept in cache.keys)


def test_a_step_that_computes_something_else_is_not_used(
    tmp_path: Path, library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    decoder, _ = int8_tiny(tmp_path)
    assert native.checked(library, decoder) is not None
    monkeypatch.setattr(NativeStep, "__call__", lambda *_ignored, **_more: torch.zeros(1, 3, VOCABULARY))
    assert native.checked(library, decoder) is None
    assert "something else" in caplog.text


def test_models_of_whole_weights_keep_torch(tiny: Any) -> None:
    assert not native.suits(tiny.model.forward_pass.decoder)
    assert tiny.model.forward_pass.native_step() is None
