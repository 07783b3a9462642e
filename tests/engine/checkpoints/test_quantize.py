"""A 4-bit checkpoint is written once and loads without being quantised again."""

import json
import shutil

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from infill_completion.api import CompletionRequest
from infill_completion.engine.checkpoints import quantize
from infill_completion.engine.checkpoints.selection import EMBEDDED
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.errors import ModelError
from infill_completion.settings import EngineSettings


def quiet(*_ignored):
    pass


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A small checkpoint with random weights and the embedded tokenizer."""
    folder = tmp_path_factory.mktemp("whole")
    torch.manual_seed(0)
    tokens = json.loads((EMBEDDED / "config.json").read_text())["vocab_size"]
    config = LlamaConfig(
        vocab_size=tokens, hidden_size=128, intermediate_size=320, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=64, max_position_embeddings=512, initializer_range=0.2,
    )  # fmt: skip
    LlamaForCausalLM(config).bfloat16().save_pretrained(folder)
    shutil.copyfile(EMBEDDED / "tokenizer.json", folder / "tokenizer.json")
    (folder / "infill.json").write_text('{"name": "small", "layout": "psm"}')
    return folder


@pytest.fixture(scope="module")
def packed(whole, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed") / "small-nf4"
    said: list[str] = []
    quantize.quantize(str(whole), folder, said.append)
    assert len(said) == 2
    return folder


def test_weights_come_back_bit_by_bit(whole, packed):
    device = torch.device("cpu")
    made = quantize.load(whole, "small", device, torch.bfloat16).state_dict()
    from transformers import AutoModelForCausalLM

    read = AutoModelForCausalLM.from_pretrained(packed, local_files_only=True).state_dict()
    assert read.keys() == made.keys()
    assert "model.layers.0.self_attn.q_proj.weight.nested_absmax" in made
    for name, values in made.items():
        assert torch.equal(values.view(torch.uint8), read[name].view(torch.uint8)), name


def test_the_checkpoint_is_smaller_and_says_how_it_is_held(whole, packed):
    config = json.loads((packed / "config.json").read_text())["quantization_config"]
    assert config["bnb_4bit_quant_type"] == "nf4"
    assert config["bnb_4bit_use_double_quant"] is True
    assert config["bnb_4bit_compute_dtype"] == "bfloat16"
    assert (packed / "infill.json").read_text() == (whole / "infill.json").read_text()
    assert (packed / "tokenizer.json").read_bytes() == (whole / "tokenizer.json").read_bytes()
    assert (packed / "model.safetensors").stat().st_size < (whole / "model.safetensors").stat().st_size
    assert list(packed.parent.iterdir()) == [packed]


def test_it_answers_as_the_model_that_is_quantised_while_it_loads(whole, packed):
    request = CompletionRequest(prefix="def total(prices):\n    ", suffix="\n", max_tokens=16, temperature=0.0)

    def answer(settings):
        generator = Generator.load(settings, quiet)
        assert generator.details["layout"] == "psm"
        return [chunk.text for chunk in generator.stream(request, lambda: False)]

    on_the_fly = answer(EngineSettings(model=str(whole), device="cpu", quantization="nf4"))
    assert len(on_the_fly) >= 5
    assert answer(EngineSettings(model=str(packed), device="cpu", quantization="nf4")) == on_the_fly
    assert answer(EngineSettings(model=str(packed), device="cpu")) == on_the_fly


def test_a_quantised_model_is_not_quantised_again(packed, tmp_path):
    with pytest.raises(ModelError, match="quantised already"):
        quantize.quantize(str(packed), tmp_path / "again", quiet)


def test_nothing_is_overwritten(whole, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ModelError, match="not empty"):
        quantize.quantize(str(whole), tmp_path, quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_damaged_weights_leave_no_folder(whole, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(whole, broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelError, match="is incomplete"):
        quantize.quantize(str(broken), tmp_path / "out", quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


def test_a_missing_model_exits_with_2_and_one_sentence(tmp_path, capsys):
    assert quantize.main(["no/such-model", "-o", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "infill-ls models pull no/such-model" in line
