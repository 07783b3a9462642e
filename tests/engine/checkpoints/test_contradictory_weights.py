"""Weights, configuration and tokenizer that do not belong together end in one sentence, before the model runs."""

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

from infill_completion.catalog.local import is_complete
from infill_completion.engine.checkpoints.checkpoint import load
from infill_completion.engine.checkpoints.packed_weights import load_packed
from infill_completion.engine.checkpoints.selection import EMBEDDED, find
from infill_completion.engine.checkpoints.tensor_files import stored_tensors
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model import int8
from infill_completion.settings import EngineSettings
from tests.catalog.gguf.gguf_writer import gguf, small_model
from tests.engine.checkpoints.test_other_families import changed, loaded, save

needs_int8 = pytest.mark.skipif(not int8.available(), reason="this torch has no int8 products for the CPU")
LLAMA = {
    "family": "Llama", "hidden_size": 96, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 3,
    "num_key_value_heads": 1,
}  # fmt: skip
_LAYER = "model.layers.1"
WRONG: dict[str, tuple[str, Callable[[torch.Tensor], torch.Tensor]]] = {
    "a head too few": (f"{_LAYER}.self_attn.q_proj.weight", lambda weight: weight[:-32]),
    "a head too many": (f"{_LAYER}.self_attn.k_proj.weight", lambda weight: weight.repeat(2, 1)),
    "narrow inputs": (f"{_LAYER}.self_attn.o_proj.weight", lambda weight: weight[:, :-32]),
    "too little between": (f"{_LAYER}.mlp.up_proj.weight", lambda weight: weight[:100]),
    "too little after": (f"{_LAYER}.mlp.down_proj.weight", lambda weight: weight[:90]),
    "a short norm": (f"{_LAYER}.input_layernorm.weight", lambda weight: weight[:20]),
    "a short last norm": ("model.norm.weight", lambda weight: weight[:20]),
    "few embeddings": ("model.embed_tokens.weight", lambda weight: weight[:1000]),
    "a small head": ("lm_head.weight", lambda weight: weight[:1000]),
    "no matrix": (f"{_LAYER}.self_attn.v_proj.weight", lambda weight: weight.flatten()),
}


def refusal(folder: Path) -> str:
    """Return the sentence with which a checkpoint is refused by the engine."""
    with pytest.raises(ModelError) as caught:
        loaded(folder, without_transformers=True)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    return str(caught.value)


@needs_int8
@pytest.mark.parametrize("case", WRONG)
def test_a_weight_of_another_shape_is_named(tmp_path: Path, case: str) -> None:
    name, change = WRONG[case]
    file = save(tmp_path, **LLAMA) / "model.safetensors"
    tensors = load_file(file)
    tensors[name] = change(tensors[name]).contiguous()
    save_file(tensors, file, metadata={"format": "pt"})
    message = refusal(tmp_path)
    assert name in message
    assert " x ".join(map(str, tensors[name].shape)) in message


@needs_int8
@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"num_key_value_heads": 3}, "k_proj.weight has the shape 32 x 96 instead of 96 x 96"),
        ({"head_dim": 16}, "q_proj.weight has the shape 96 x 96 instead of 48 x 96"),
        ({"hidden_size": 48}, "embed_tokens.weight has the shape 4096 x 96 instead of 4096 x 48"),
        ({"vocab_size": 5000}, "embed_tokens.weight has the shape 4096 x 96 instead of 5000 x 96"),
        ({"num_hidden_layers": 3}, "lacks the tensor model.layers.2."),
        ({"num_hidden_layers": 1 << 23}, "more layers than there are weights"),
        ({"num_hidden_layers": 1 << 40}, "num_hidden_layers is not a size"),
    ],
)
def test_a_configuration_of_another_model_is_noticed(tmp_path: Path, entries: dict[str, Any], says: str) -> None:
    assert says in refusal(changed(save(tmp_path, **LLAMA), **entries))


@needs_int8
def test_no_number_of_heads_for_keys_means_that_of_queries(tmp_path: Path) -> None:
    folder = changed(save(tmp_path, **LLAMA | {"num_key_value_heads": 3}), num_key_value_heads=None)
    assert load_packed(folder, 8).config.num_key_value_heads == 3


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("made", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_only_has_the_name_of_a_file_is_missing(tmp_path: Path, name: str, made: Callable[[Path], None]) -> None:
    (save(tmp_path, **LLAMA) / name).unlink()
    made(tmp_path / name)
    assert not is_complete(tmp_path)
    with pytest.raises(ModelError, match=name) as caught:
        find(str(tmp_path))
    assert "models pull" not in str(caught.value)  # a path is not what it fetches


def test_a_tensor_is_as_long_as_its_shape_says(tmp_path: Path) -> None:
    header = json.dumps({"weight": {"dtype": "F32", "shape": [4, 8], "data_offsets": [0, 64]}}).encode()
    file = tmp_path / "model.safetensors"
    file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    with pytest.raises(ValueError, match="another length"):
        stored_tensors([file])


def changed_model(path: Path, changes: dict[str, Any]) -> EngineSettings:
    """Write a model of 260 tokens with changed metadata, lists with further entries, and return its settings."""
    metadata, tensors = small_model()
    for key, value in changes.items():
        before = metadata.get(f"tokenizer.ggml.{key}")
        metadata[f"tokenizer.ggml.{key}"] = before + value if isinstance(before, list) else value
    path.write_bytes(gguf(metadata, tensors))
    return EngineSettings(model=str(path), device="cpu")


@pytest.mark.parametrize(
    "changes",
    [
        {"tokens": ["<s>"], "token_type": [3], "bos_token_id": 260, "add_bos_token": True},
        {"tokens": [f"re{n}" for n in range(90)], "token_type": [1] * 90},
        {"tokens": ["\u044f"], "token_type": [1]},  # nothing else spells it
    ],
)
def test_a_tokenizer_of_another_model_is_noticed(tmp_path: Path, changes: dict[str, Any]) -> None:
    settings = changed_model(tmp_path / "model.gguf", changes)
    with pytest.raises(ModelError, match=r"has \d+ tokens and the model 260, .* choose another model"):
        load(settings, lambda *_: None)


def test_a_few_tokens_without_embeddings_are_spelled(tmp_path: Path) -> None:
    changes = {"tokens": ["re"], "token_type": [1], "merges": ["r e"]}
    tokenizer = load(changed_model(tmp_path / "model.gguf", changes), lambda *_: None).tokenizer
    for text in ("re", "return re\n    red", "\nre"):
        ids = tokenizer.encode(text)
        assert max(ids) < 260
        assert tokenizer.decode(ids) == text
    assert tokenizer.highest < 260


@pytest.mark.parametrize("id_", [-5, 1 << 27, 1 << 40, "7", None])
def test_an_impossible_id_is_one_sentence_and_costs_no_memory(tmp_path: Path, id_: Any) -> None:
    document = json.loads((EMBEDDED / "tokenizer.json").read_text("utf-8"))
    document["model"]["vocab"]["zzz"] = id_
    (tmp_path / "tokenizer.json").write_text(json.dumps(document), "utf-8")
    with pytest.raises(ModelError, match=r"impossible id.*fetch the model again") as caught:
        Tokenizer.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_error_of_the_library_in_several_lines_is_one_sentence(tmp_path: Path) -> None:
    document = json.loads((EMBEDDED / "tokenizer.json").read_text("utf-8"))
    document["model"]["merges"] = [["a", 5]]
    (tmp_path / "tokenizer.json").write_text(json.dumps(document), "utf-8")
    with pytest.raises(ModelError, match="fetch the model again") as caught:
        Tokenizer.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_marks_beyond_the_embeddings_are_only_left_out(tmp_path: Path) -> None:
    metadata, tensors = small_model()
    metadata["tokenizer.ggml.tokens"] += ["<a>", "<b>", "<c>"]
    metadata["tokenizer.ggml.token_type"] += [3, 3, 3]
    for at, mark in enumerate(("pre", "suf", "mid")):
        metadata[f"tokenizer.ggml.fim_{mark}_token_id"] = 260 + at
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf(metadata, tensors))
    assert load(EngineSettings(model=str(path), device="cpu"), lambda *_: None).tokenizer.infilling is None


def test_a_name_that_leaves_no_room_for_settings_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / f"{'x' * 245}.gguf"
    path.write_bytes(gguf(*small_model()))
    assert load(EngineSettings(model=str(path), device="cpu"), lambda *_: None).tokenizer.infilling
