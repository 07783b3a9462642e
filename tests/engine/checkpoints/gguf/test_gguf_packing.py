"""GGUF files that are packed while they are read: their own 4-bit groups, and the same ones from safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch

from infill_completion.api import CompletionRequest
from infill_completion.engine.checkpoints import tensor_files
from infill_completion.engine.checkpoints.gguf import tensors as gguf_tensors
from infill_completion.engine.checkpoints.gguf.loading import load_gguf
from infill_completion.engine.checkpoints.packed_weights import load_packed
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model import int4
from infill_completion.engine.model.int4 import Int4Linear
from infill_completion.engine.model.int8 import Int8Linear
from infill_completion.settings import EngineSettings
from tests.catalog.gguf.gguf_writer import Stored, gguf, small_model
from tests.engine.checkpoints.gguf.block_oracle import random_blocks, values_of
from tests.engine.checkpoints.gguf.quantized_model import quantized, save_dequantized, write_model

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read several parts of each matrix."""
    monkeypatch.setattr(gguf_tensors, "_AT_ONCE", 1)
    monkeypatch.setattr(tensor_files, "_AT_ONCE", 1)


def matrices(model: Any) -> list[Any]:
    """Return the packed matrices of a model, with the weights that they were made of where it is not packed."""
    found = []
    for layer in model.model.layers:
        attention, mlp = layer.self_attn, layer.mlp
        if hasattr(attention, "qkv_proj"):
            found += [attention.qkv_proj, attention.o_proj, mlp.gate_up_proj, mlp.down_proj]
        else:
            found.append(torch.cat([attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight]))
            found += [attention.o_proj.weight, torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight])]
            found.append(mlp.down_proj.weight)
    return found


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1"])
def test_uneven_levels_beside_groups_keep_8_bits(tmp_path: Path, kind: str) -> None:
    *held, uneven = matrices(load_packed(write_model(tmp_path / "model.gguf", kind, other="IQ4_NL"), 4))
    assert {type(linear) for linear in held} == {Int4Linear}
    assert isinstance(uneven, Int8Linear)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1"])
def test_groups_of_a_file_are_kept_exactly(tmp_path: Path, kind: str, tied: bool) -> None:
    path = write_model(tmp_path / "model.gguf", kind, tied=tied)
    packed, whole = load_packed(path, 4), cast(Any, load_gguf(path, torch.float32, CPU))
    *held, precise = matrices(packed)
    *expected, down = matrices(whole)
    for linear, weight in zip(held, expected, strict=True):
        assert isinstance(linear, Int4Linear)
        assert torch.equal(int4.unpacked(linear.weight)[: linear.outputs, : linear.inputs], weight)
    assert isinstance(precise, Int8Linear)  # what a 4-bit file holds in more bits is not rounded to 4
    assert ((precise._whole() - down).abs() <= precise.scale.float()[:, None]).all()
    assert packed.lm_head.weight.dtype is torch.int8
    assert (packed.model.embed_tokens.weight is packed.lm_head.weight) == tied
    assert torch.equal(packed.model.norm.weight, whole.model.norm.weight)


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q4_K"])
def test_any_groups_are_kept(tmp_path: Path, kind: str) -> None:
    metadata, tensors = small_model()
    metadata |= {"llama.embedding_length": 256, "llama.attention.key_length": 4, "llama.attention.value_length": 4}
    block = 256 if kind == "Q4_K" else 32
    for name, (_, shape, _) in list(tensors.items()):
        size = tuple(256 if count == 8 and at else count for at, count in enumerate(shape))
        size = (256,) if shape == (8,) else (256, *size[1:]) if name == "blk.0.ffn_down.weight" else size
        size = (256, 8) if name == "blk.0.attn_output.weight" else size
        fits = len(size) > 1 and size[1] % block == 0
        data = random_blocks(
            kind if fits else "F32", size[0] * (size[1] if len(size) > 1 else 1) // (block if fits else 1), 1
        )
        tensors[name] = Stored(kind if fits else "F32", size, data)
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf(metadata, tensors))
    gate = load_packed(path, 4).model.layers[0].mlp.gate_up_proj
    values = [values_of(kind, tensors[f"blk.0.ffn_{name}.weight"].data) for name in ("gate", "up")]
    expected, got = torch.tensor(values).view(-1, 256), int4.unpacked(gate.weight)[:32]
    if kind == "Q4_K":
        groups = expected.view(32, -1, 32)
        sizes = groups.amax(-1) - groups.amin(-1) + groups.abs().amax(-1)
        assert ((got.view(32, -1, 32) - groups).abs().amax(-1) <= sizes / 1024).all()
    else:
        assert torch.equal(got, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1"])
def test_safetensors_of_the_same_weights_are_packed_alike(tmp_path: Path, kind: str, dtype: torch.dtype) -> None:
    path = write_model(tmp_path / "model.gguf", kind)
    save_dequantized(path, tmp_path / "folder", dtype)
    ours, theirs = load_packed(path, 4), load_packed(tmp_path / "folder", 4)
    assert [type(each) for each in matrices(ours)] == [type(each) for each in matrices(theirs)]
    for mine, other in zip(matrices(ours)[:-1], matrices(theirs)[:-1], strict=True):
        if dtype is torch.float32:
            assert torch.equal(mine.weight, other.weight)
        else:  # the weights were rounded to fewer bits, but the levels are found again
            spread = int4.unpacked(mine.weight).abs().max()
            assert (int4.unpacked(mine.weight) - int4.unpacked(other.weight)).abs().max() < 0.01 * spread
    assert (ours.lm_head.weight.int() - theirs.lm_head.weight.int()).abs().max() <= (2 if dtype is torch.float16 else 0)


@pytest.mark.parametrize("quantization", ["auto", "int8"])
@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1"])
def test_answers_are_the_same_through_both(tmp_path: Path, kind: str, quantization: str) -> None:
    path = write_model(tmp_path / "model.gguf", kind)
    save_dequantized(path, tmp_path / "folder")
    answers = []
    for each in (path, tmp_path / "folder"):
        settings = EngineSettings(model=str(each), device="cpu", quantization=quantization)
        generator = Generator.load(settings, lambda *_: None, without_transformers=True)
        requests = [CompletionRequest(text, None, max_tokens=24, temperature=0.0) for text in ("def f():", "x = [1, ")]
        texts = ["".join(chunk.text for chunk in generator.stream(each, lambda: False)) for each in requests]
        answers.append((generator.details["quantization"], texts))
        generator.close()
    assert answers[0] == answers[1]
    assert any(answers[0][1])


def test_files_of_more_bits_are_rounded_like_whole_weights(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.gguf", "Q8_0")
    save_dequantized(path, tmp_path / "folder")
    for bits, kind in ((4, Int4Linear), (8, Int8Linear)):
        ours, theirs = (matrices(load_packed(each, bits)) for each in (path, tmp_path / "folder"))
        for mine, other in zip(ours, theirs, strict=True):
            assert isinstance(mine, kind)
            assert torch.equal(mine.weight, other.weight)


def test_a_file_that_became_shorter_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_model(tmp_path / "model.gguf", "Q4_0")
    read = gguf_tensors.GgufTensor._bytes

    def cut(tensor: gguf_tensors.GgufTensor, start: int, count: int) -> bytearray:
        with path.open("rb+") as stream:
            stream.truncate(1000)
        return read(tensor, start, count)

    monkeypatch.setattr(gguf_tensors.GgufTensor, "_bytes", cut)
    with pytest.raises(ModelError, match="changed while it was read"):
        load_packed(path, 4)


def test_the_rounding_of_the_tests_is_that_of_the_format() -> None:
    values = torch.randn(4, 64, generator=torch.Generator().manual_seed(3)).numpy()
    for kind, steps in (("Q4_0", 8), ("Q4_1", 7.5), ("Q8_0", 127)):
        back = torch.tensor(values_of(kind, quantized(kind, values).data)).view(4, 64)
        assert (back - torch.from_numpy(values)).abs().max() < 1.1 * abs(values).max() / steps
