"""Files of a checkpoint that are damaged, or no files, end in one sentence with the next step, and soon."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from infill_completion.engine.checkpoints.adapters import Adapter, ForeignAdapterError, usable_adapter
from infill_completion.engine.checkpoints.checkpoint import load
from infill_completion.engine.checkpoints.fingerprint import fingerprint
from infill_completion.engine.checkpoints.model_settings import ModelSettings
from infill_completion.engine.checkpoints.packed_weights import load_packed
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.errors import ModelError
from infill_completion.settings import EngineSettings
from tests.catalog.gguf.gguf_writer import gguf, small_model
from tests.engine.checkpoints.test_contradictory_weights import LLAMA, needs_int8, refusal
from tests.engine.checkpoints.test_other_families import changed, loaded, save

_LAYER = "model.layers.1"
NAN, INFINITY = float("nan"), float("inf")


def edit(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> Path:
    """Change the tensors of a checkpoint."""
    file = folder / "model.safetensors"
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, metadata={"format": "pt"})
    return folder


@needs_int8
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("name", ["self_attn.q_proj", "mlp.down_proj", "input_layernorm"])
@pytest.mark.parametrize("value", [NAN, INFINITY])
def test_weights_that_are_no_numbers_are_noticed(tmp_path: Path, bits: int, name: str, value: float) -> None:
    folder = save(tmp_path, **LLAMA)
    edit(folder, lambda tensors: tensors[f"{_LAYER}.{name}.weight"].view(-1)[37].fill_(value))
    with pytest.raises(ModelError, match=r"damaged.*fetch it again"):
        load_packed(folder, bits)


@needs_int8
@pytest.mark.parametrize("without_transformers", [True, False])
@pytest.mark.parametrize("change", [torch.Tensor.zero_, lambda tensor: tensor[3].fill_(NAN)], ids=["zeros", "NaN"])
def test_a_norm_without_numbers_is_noticed(
    tmp_path: Path, without_transformers: bool, change: Callable[[torch.Tensor], object]
) -> None:
    folder = edit(save(tmp_path, **LLAMA), lambda tensors: change(tensors["model.norm.weight"]))
    with pytest.raises(ModelError, match=r"damaged.*fetch it again"):
        loaded(folder, without_transformers=without_transformers)


def test_a_gguf_file_that_was_written_in_part_is_noticed(tmp_path: Path) -> None:
    content = gguf(*small_model())
    file = tmp_path / "model.gguf"
    file.write_bytes(
        content[: len(content) * 3 // 4].ljust(len(content), b"\0")
    )  # as a download that reserves its room
    with pytest.raises(ModelError, match=r"damaged.*fetch it again"):
        load(EngineSettings(model=str(file), device="cpu"), lambda *_: None, without_transformers=True)


@needs_int8
def test_a_head_is_missing_only_where_the_embeddings_are_it(tmp_path: Path) -> None:
    folder = edit(save(tmp_path, **LLAMA, tie_word_embeddings=False), lambda tensors: tensors.pop("lm_head.weight"))
    assert "lacks the tensor lm_head.weight" in refusal(folder)
    assert loaded(changed(folder, tie_word_embeddings=True), without_transformers=True)


@needs_int8
@pytest.mark.parametrize("name", ["model.norm.bias", f"{_LAYER}.self_attn.q_norm.weight"])
def test_a_norm_of_another_family_is_refused(tmp_path: Path, name: str) -> None:
    folder = edit(save(tmp_path, **LLAMA), lambda tensors: tensors.update({name: torch.ones(96)}))
    assert f"has the tensor {name}" in refusal(folder)


@needs_int8
def test_a_missing_norm_of_the_heads_is_named(tmp_path: Path) -> None:
    folder = save(tmp_path, **LLAMA | {"family": "Qwen3", "head_dim": 32})
    edit(folder, lambda tensors: tensors.pop(f"{_LAYER}.self_attn.k_norm.weight"))
    assert f"lacks the tensor {_LAYER}.self_attn.k_norm.weight" in refusal(folder)


@pytest.mark.parametrize("without_transformers", [True, False])
@pytest.mark.parametrize(
    "entries",
    [
        {"rms_norm_eps": -1}, {"rms_norm_eps": NAN}, {"rms_norm_eps": 1e300}, {"rms_norm_eps": "small"},
        {"rope_parameters": {"rope_type": "default", "rope_theta": -1.0}},
        {"rope_parameters": {"rope_type": "default", "rope_theta": INFINITY}},
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 0.0}},
        {"max_position_embeddings": None}, {"max_position_embeddings": -5}, {"num_hidden_layers": "2"},
    ],
)  # fmt: skip
def test_a_number_that_is_none_names_the_file(
    tmp_path: Path, entries: dict[str, Any], without_transformers: bool
) -> None:
    folder = changed(save(tmp_path, **LLAMA), **entries)
    with pytest.raises(ModelError, match=r"config\.json is damaged \(.*\); fetch the model again"):
        loaded(folder, without_transformers=without_transformers)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b"[" * 100_000, b"null"])
def test_a_configuration_that_is_none_names_the_file(tmp_path: Path, content: bytes) -> None:
    folder = save(tmp_path, **LLAMA)
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"config\.json is damaged|are not supported"):
        loaded(folder, without_transformers=True)


@pytest.mark.parametrize("content", [
    '{"suffix_share": NaN}', '{"context_share": 1e308}', '{"context_tokens": -1}', '{"draft_tokens": -1}',
    '{"name": "\\u001b[31m"}', json.dumps({"name": "a" * 1000}), "[" * 100_000,
])  # fmt: skip
def test_settings_that_no_model_can_have_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "infill.json").write_text(content)
    with pytest.raises(ModelError, match=r"infill\.json cannot be read"):
        ModelSettings.read(tmp_path)


@pytest.mark.parametrize("kind", ["F8_E4M3", "I32", "U8"])
def test_weights_of_a_quantization_that_nothing_explains_are_refused(tmp_path: Path, kind: str) -> None:
    file = save(tmp_path, **LLAMA) / "model.safetensors"
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header[f"{_LAYER}.mlp.up_proj.weight"]["dtype"] = kind
    written = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(written)) + written + content[8 + length :])
    assert f"holds weights as {kind}" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["tokenizer_config.json", "generation_config.json", "model.safetensors.index.json"])
@pytest.mark.parametrize(
    "made", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("nowhere")], ids=["pipe", "folder", "dangling link"]
)
def test_what_only_has_the_name_of_a_further_file_is_left_alone(
    tmp_path: Path, name: str, made: Callable[[Path], None]
) -> None:
    folder = save(tmp_path, **LLAMA)
    (folder / name).unlink(missing_ok=True)
    made(folder / name)
    assert loaded(folder, without_transformers=True)
    assert fingerprint(folder)


def test_a_name_that_is_not_utf_8_has_a_fingerprint(tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/model\xff.gguf"))
    file.write_bytes(gguf(*small_model()))
    assert len(fingerprint(file)) == 64


@pytest.mark.parametrize("is_gguf", [True, False])
def test_a_file_that_another_one_replaces_is_not_a_mix_of_both(tmp_path: Path, is_gguf: bool) -> None:
    if is_gguf:
        model = file = tmp_path / "model.gguf"
        file.write_bytes(gguf(*small_model()))
    else:
        model = save(tmp_path, **LLAMA)
        file = model / "model.safetensors"
    other = tmp_path / "other"
    other.write_bytes(file.read_bytes())

    def replace(share: float, _what: str) -> None:
        if share > 0.4 and other.exists():
            other.replace(file)

    with pytest.raises(ModelError, match="changed while it was read; load the model again"):
        load(EngineSettings(model=str(model), device="cpu"), replace, without_transformers=True)


def test_a_panic_of_the_tokenizer_is_a_sentence(tiny_folder: Path, tmp_path: Path) -> None:
    document = json.loads((tiny_folder / "tokenizer.json").read_text(encoding="utf-8"))
    document["model"]["continuing_subword_prefix"] = "\u2581" * 3
    (tmp_path / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ModelError, match=r"cannot be read .PanicException"):
        Tokenizer.load(tmp_path)


@needs_int8
@pytest.mark.parametrize("change", [
    {"model.norm.weight.gain": torch.ones(96, dtype=torch.float32)},
    {"model.norm.weight.gain": torch.ones(96).to(torch.float8_e4m3fn)},
], ids=["float32", "float8"])  # fmt: skip
def test_an_adapter_of_another_type_does_not_keep_the_model_from_loading(
    tmp_path: Path, change: dict[str, torch.Tensor]
) -> None:
    folder, file = save(tmp_path, **LLAMA), tmp_path / "learned.safetensors"
    Adapter(fingerprint(folder), change).write(file)
    adapter, why = usable_adapter(str(file), folder, can_apply=True)
    assert adapter is None
    assert "is damaged" in why


def test_an_adapter_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "cannot be read" in usable_adapter(str(tmp_path / "pipe"), tmp_path, can_apply=True)[1]


@needs_int8
@pytest.mark.parametrize("learned", [
    {"foo.gain": torch.ones(96).half()},
    {"model.embed_tokens.weight.rows": torch.ones(96).half(), "model.embed_tokens.weight.ids": torch.tensor([3])},
    {"model.embed_tokens.weight.rows": torch.ones(1, 96, 1).half(), "model.embed_tokens.weight.ids": torch.tensor([3])},
])  # fmt: skip
def test_an_adapter_for_other_tensors_is_foreign(tmp_path: Path, learned: dict[str, torch.Tensor]) -> None:
    folder = save(tmp_path, **LLAMA)
    with pytest.raises(ForeignAdapterError):
        load_packed(folder, 8, adapter=Adapter(fingerprint(folder), learned))
