"""Checkpoints of other model families, with made tokenizers and random weights: each gets the prompt of its family."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infill_completion.api import CompletionRequest, ContextItem, FinishReason
from infill_completion.engine.decoding.generator import Generator
from infill_completion.settings import EngineSettings
from tests.engine.tiny import never
from tests.prompt.test_formats import PROMPTS
from tests.prompt.tokenizers import STARTS, tokenizer_document

ARCHITECTURES = {
    "Qwen2.5-Coder": ("Qwen2Config", "Qwen2ForCausalLM"),
    "DeepSeek-Coder": ("LlamaConfig", "LlamaForCausalLM"),
    "Seed-Coder": ("LlamaConfig", "LlamaForCausalLM"),
    "Codestral": ("MistralConfig", "MistralForCausalLM"),
    "Mellum": ("LlamaConfig", "LlamaForCausalLM"),
}
LAYOUTS = {"Qwen2.5-Coder": "psm", "DeepSeek-Coder": "psm", "Seed-Coder": "spm", "Codestral": "spm", "Mellum": "spm"}
ASK = CompletionRequest(
    "def f(value):\n    return val", "\n<|fim_middle|> [SUFFIX] <fim_prefix>\n", (ContextItem("a.py", "A = 1\n"),),
    max_tokens=12, temperature=0.0, explain=True,
)  # fmt: skip


def save(folder: Path, family: str) -> Path:
    """Write a checkpoint into a hub cache, without ``infill.json``."""
    import torch
    import transformers

    library: Any = transformers
    document = tokenizer_document(family)
    config, model = (getattr(library, name) for name in ARCHITECTURES[family])
    torch.manual_seed(0)
    shape = config(
        vocab_size=256 + len(document["added_tokens"]), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, max_position_embeddings=1024, initializer_range=0.5,
    )  # fmt: skip
    place = folder / f"models--{PROMPTS[family][0].replace('/', '--')}" / "snapshots" / "0123abcd"
    model(shape).save_pretrained(place)
    (place / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    ends = STARTS.get(family)
    told = {"bos_token": ends and ends.bos, "eos_token": ends and ends.eos, "add_bos_token": ends and ends.adds_bos}
    (place / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    return place


@pytest.mark.parametrize("family", ARCHITECTURES)
def test_a_checkpoint_without_settings_gets_the_prompt_of_its_family(tmp_path: Path, family: str) -> None:
    settings = EngineSettings(model=str(save(tmp_path, family)), device="cpu", quantization="none")
    generator = Generator.load(settings, lambda share, doing: None)
    assert (generator.details["format"], generator.details["layout"]) == (family, LAYOUTS[family])
    assert generator.details["infilling"] is True
    chunks = list(generator.stream(ASK, never))
    last, infilling = chunks[-1], generator.model.tokenizer.infilling
    assert last.finish_reason in {FinishReason.STOP, FinishReason.LENGTH}
    assert last.explain is not None
    assert infilling is not None
    prompt = generator.model.prompt(ASK)
    marks = [id_ for id_ in prompt.ids if id_ in {infilling.pre, infilling.suf, infilling.mid}]
    assert len(marks) == len(infilling.form.marks)  # the marks in the file's text are not among them
    assert (prompt.ids[0] == generator.model.tokenizer.bos) == (generator.model.tokenizer.bos is not None)
    generator.close()


def test_every_token_that_ends_an_answer_ends_it(tmp_path: Path) -> None:
    settings = EngineSettings(model=str(save(tmp_path, "Qwen2.5-Coder")), device="cpu", quantization="none")
    generator = Generator.load(settings, lambda share, doing: None)
    infilling = generator.model.tokenizer.infilling
    assert infilling is not None
    for stop in infilling.stops:
        candidate = generator.model.candidate(0, "", ASK, None)
        candidate.push(ord("x"), 0.0)
        assert candidate.push(stop, 0.0).finish_reason is FinishReason.STOP
    assert {generator.model.tokenizer.describe([stop]) for stop in infilling.stops} >= {"<|endoftext|>", "<|file_sep|>"}
    generator.close()


@pytest.mark.parametrize("prefix", ["", "impo"])
def test_an_empty_text_is_continued_without_a_token_that_starts_it(tmp_path: Path, prefix: str) -> None:
    settings = EngineSettings(model=str(save(tmp_path, "Qwen2.5-Coder")), device="cpu", quantization="none")
    generator = Generator.load(settings, lambda share, doing: None)
    assert generator.model.tokenizer.bos is None
    (*_, last) = generator.stream(CompletionRequest(prefix, None, max_tokens=4, temperature=0.0), never)
    assert last.finish_reason in {FinishReason.LENGTH, FinishReason.STOP}
    assert last.usage is not None
    assert last.usage.prompt_tokens == 1
    generator.close()
