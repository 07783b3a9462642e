"""The compiled step: the numbers of torch, bit for bit the same for drafts, and nothing lost where it is missing."""

from __future__ import annotations

import copy
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import DynamicCache

from infill_completion.engine.checkpoints.checkpoint import load
from infill_completion.engine.decoding.sampler import choose_one
from infill_completion.engine.model import int8
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.native import build as native_build
from infill_completion.engine.model.native import step as native
from infill_completion.engine.model.native.step import NativeStep
from infill_completion.engine.ngram import mixture
from infill_completion.engine.ngram.index import MatchLevel
from infill_completion.engine.ngram.mixture import MixtureParameters
from infill_completion.settings import EngineSettings
from tests.engine.decoding.test_sampler import check_one_row
from tests.engine.tiny import VOCABULARY, save_tiny

COMPILE_LIMIT_S = 120.0
pytestmark = [
    pytest.mark.skipif(not int8.available(), reason="this torch has no int8 products for the CPU"),
    pytest.mark.skipif(native_build._compiler() is None, reason="needs Linux and a C compiler"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("native")


def built(folder: Path) -> ctypes.CDLL:
    build = native_build.Build(folder)
    assert build.wait(COMPILE_LIMIT_S)
    assert build.library is not None
    return build.library


@pytest.fixture(scope="module")
def native_library(folder: Path) -> ctypes.CDLL:
    return built(folder)


@pytest.fixture(scope="module")
def plain_library(folder: Path) -> ctypes.CDLL:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native_build, "_FLAGS", [flag for flag in native_build._FLAGS if "native" not in flag])
        return built(folder)


@pytest.fixture(params=["native_library", "plain_library"])
def library(request: pytest.FixtureRequest) -> ctypes.CDLL:
    """The library as it is built here, and as it is where the processor has no products of bytes."""
    found: ctypes.CDLL = request.getfixturevalue(request.param)
    return found


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def int8_tiny(folder: Path, **shape: Any) -> tuple[Decoder, Any]:
    """Return an int8 decoder and the transformers model that holds the very same rounded weights in float32."""
    shape = {"head_dim": 32, **shape}
    settings = EngineSettings(model=str(save_tiny(folder, **shape)), device="cpu", quantization="int8")
    loaded = load(settings, lambda share, doing: None)
    decoder = Decoder(loaded.model, 64, cpu_int8=True)
    model = copy.deepcopy(loaded.model).float()
    for layer, held in zip(model.model.layers, decoder.layers, strict=True):
        attention, mlp = layer.self_attn, layer.mlp
        for modules, product in (
            ((attention.q_proj, attention.k_proj, attention.v_proj), held.qkv),
            ((attention.o_proj,), held.out),
            ((mlp.gate_proj, mlp.up_proj), held.gate_up),
            ((mlp.down_proj,), held.down),
        ):
            set_weights(modules, product)
    set_weights((model.lm_head,), decoder.head)
    return decoder, model


def empty_cache(decoder: Decoder, capacity: int, batch: int = 1) -> KVCache:
    """Return a cache of the type that the compiled step uses."""
    forward_pass = ForwardPass(decoder)
    assert forward_pass.kv_shape.is_rounded
    return KVCache(forward_pass.kv_shape, capacity, batch)


def set_weights(modules: tuple[Any, ...], product: Any) -> None:
    whole = product.weight.float() * product.scale.float()[:, None]
    for module, weight in zip(modules, whole.split([module.weight.shape[0] for module in modules]), strict=True):
        module.weight.data = weight


class RoundedCache(DynamicCache):
    """Keeps keys and values as 8-bit integers do."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> Any:
        return super().update(rounded(key_states), rounded(value_states), layer_idx, *args, **kwargs)


def rounded(rows: torch.Tensor) -> torch.Tensor:
    worth = rows.abs().amax(-1, keepdim=True) / 127
    return (rows / worth).round() * worth


def token_ids(batch: int, length: int) -> torch.Tensor:
    return torch.randint(5, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(length))


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


def test_a_forward_pass_takes_the_step_up_as_soon_as_it_is_there(
    tmp_path: Path, folder: Path, library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, _ = int8_tiny(tmp_path)
    build = native_build.Build(folder)
    monkeypatch.setattr(native_build, "shared", lambda: build)
    monkeypatch.setattr(native_build.Build, "pending", True)
    forward_pass = ForwardPass(decoder)
    before = forward_pass.forward(token_ids(1, 4), empty_cache(decoder, 8), 0)
    assert forward_pass.native_step() is None
    monkeypatch.setattr(native_build.Build, "pending", False)
    after = forward_pass.forward(token_ids(1, 4), empty_cache(decoder, 8), 0)
    assert forward_pass.native_step() is not None
    assert 0 < (after - before).abs().max() < 0.05 * before.abs().max()


def test_a_step_that_computes_something_else_is_not_used(
    tmp_path: Path, library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    decoder, _ = int8_tiny(tmp_path)
    assert native.checked(library, decoder) is not None
    monkeypatch.setattr(NativeStep, "__call__", lambda *_ignored, **_more: torch.zeros(1, 3, VOCABULARY))
    assert native.checked(library, decoder) is None
    assert "something else" in caplog.text


def test_models_of_several_threads_or_whole_weights_keep_torch(tmp_path: Path, tiny: Any) -> None:
    decoder, _ = int8_tiny(tmp_path)
    torch.set_num_threads(2)
    assert not native.suits(decoder)
    assert tiny.model.forward_pass.native_step() is None


def test_a_library_that_was_compiled_before_is_there_at_once(folder: Path, native_library: ctypes.CDLL) -> None:
    build = native_build.Build(folder)
    assert not build.pending
    assert build.library is not None
    assert build.library._name == native_library._name


def fake_compiler(folder: Path, script: str) -> None:
    for name in ("cc", "gcc", "clang"):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)


@pytest.mark.parametrize("script", ["exit 1", "exit 0"], ids=["an error", "no output"])
def test_a_compiler_that_fails_leaves_torch_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    tools, kept = tmp_path / "bin", tmp_path / "kept"
    tools.mkdir()
    kept.mkdir()
    fake_compiler(tools, script)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    build = native_build.Build(kept)
    assert build.wait(COMPILE_LIMIT_S)
    assert build.library is None
    assert not list(kept.glob("*.so"))


def test_a_damaged_library_leaves_torch_at_work(tmp_path: Path, native_library: ctypes.CDLL) -> None:
    (tmp_path / Path(native_library._name).name).write_bytes(b"no library")
    assert native_build.Build(tmp_path).library is None


def test_it_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native_build.SWITCH, "0")
    assert native_build.Build(tmp_path).library is None
    assert not list(tmp_path.iterdir())


def test_only_linux_is_asked_for_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert native_build.Build(tmp_path).library is None


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
@pytest.mark.parametrize("size", [12, 45, 64])
def test_a_token_is_chosen_as_the_reference_says(
    library: ctypes.CDLL, tmp_path: Path, size: int, temperature: float, p: float
) -> None:
    step = NativeStep(library, int8_tiny(tmp_path)[0])

    def choose(logits: torch.Tensor, temperature: float, p: float, chance: float) -> tuple[int, float]:
        chosen = step.sampler.choose(logits, temperature, p, chance)
        assert chosen is not None
        return chosen

    check_one_row(choose, size=size, temperature=temperature, p=p)


@pytest.mark.parametrize("p", [0.3, 0.95, 1.0])
def test_the_same_chance_gives_the_same_token_with_and_without_a_compiler(
    library: ctypes.CDLL, tmp_path: Path, p: float
) -> None:
    step = NativeStep(library, int8_tiny(tmp_path)[0])
    logits = torch.randn(40, generator=torch.Generator().manual_seed(3)).mul(3)
    for at in range(200):
        compiled = step.sampler.choose(logits, 0.8, p, (at + 0.5) / 200)
        assert compiled is not None
        assert compiled[0] == choose_one(logits, 0.8, p, (at + 0.5) / 200)[0]


def test_a_large_nucleus_is_left_to_torch(library: ctypes.CDLL, tmp_path: Path) -> None:
    step = NativeStep(library, int8_tiny(tmp_path)[0])
    assert step.sampler.choose(torch.zeros(1000), 1.0, 0.9, 0.5) is None
    assert step.sampler.choose(torch.zeros(1000), 1.0, 0.01, 0.99) is not None


def test_tokens_that_are_forbidden_are_never_chosen(library: ctypes.CDLL, tmp_path: Path) -> None:
    step = NativeStep(library, int8_tiny(tmp_path)[0])
    logits = torch.full((40,), float("-inf"))
    logits[[7, 21]] = torch.tensor([1.0, 1.0])
    for p in (0.9, 1.0):
        assert {(step.sampler.choose(logits, 1.0, p, at / 100) or (-1, 0))[0] for at in range(100)} == {7, 21}
    assert (step.sampler.choose(logits, 0.0, 0.9, 0.5) or (-1, 0))[0] == 7


@pytest.mark.parametrize("allowed", [None, [3, 17, 40]])
def test_an_index_is_mixed_in_as_torch_does_it(library: ctypes.CDLL, tmp_path: Path, allowed: list[int] | None) -> None:
    step = NativeStep(library, int8_tiny(tmp_path)[0])
    logits = torch.randn(200, generator=torch.Generator().manual_seed(1)).mul(8)
    levels = [MatchLevel(3, 2, {17: 0.75, 5: 0.25}), MatchLevel(1, 9, {17: 0.5, 40: 0.5})]
    for parameters in (
        MixtureParameters(),
        MixtureParameters(bias=100.0),
    ):  # the second leaves next to nothing to the model
        expected = mixture.mix(logits, levels, parameters)
        got = step.sampler.mix(
            logits, *mixture.blend(levels, parameters), None if allowed is None else torch.tensor(allowed)
        )
        kept = slice(None) if allowed is None else allowed
        assert torch.allclose(got[kept], expected[kept], atol=1e-4)
        assert int(got.isfinite().sum()) == (200 if allowed is None else 3)
    beyond = {17: 0.5, 200: 0.5, 1 << 40: 0.1}  # a tokenizer may know more tokens than the model
    known = step.sampler.mix(logits, 0.5, {17: 0.5}, None)
    assert torch.equal(
        step.sampler.mix(logits, 0.5, beyond, torch.tensor([3, 200])).isfinite().nonzero(), torch.tensor([[3]])
    )
    assert torch.equal(step.sampler.mix(logits, 0.5, beyond, None), known)
    alone = step.sampler.mix(logits, 1.0, {}, None)
    assert torch.allclose(alone, logits.log_softmax(-1), atol=1e-4)
