"""Formats of models by the many names that servers have for them."""

from __future__ import annotations

import pytest

from infill_completion.prompt.recognition import format_called, format_choices, format_of_names
from infill_completion.settings import documentation


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("qwen2.5-coder:1.5b-base", "Qwen2.5-Coder"),
        ("qwen2.5-coder:7b-instruct-q4_K_M", "Qwen2.5-Coder"),
        ("hf.co/bartowski/Qwen2.5-Coder-7B-GGUF:Q4_K_M", "Qwen2.5-Coder"),
        ("qwen/qwen-2.5-coder-32b-instruct", "Qwen2.5-Coder"),
        ("accounts/fireworks/models/qwen2p5-coder-32b", "Qwen2.5-Coder"),
        ("QWEN2_5_CODER_7B", "Qwen2.5-Coder"),
        ("qwen25-coder", "Qwen2.5-Coder"),
        ("qwen-coder-turbo", "Qwen2.5-Coder"),
        ("../models/qwen2.5-coder-1.5b-q8_0.gguf", "Qwen2.5-Coder"),
        (r"C:\models\Qwen2.5-Coder-3B-Q6_K.GGUF", "Qwen2.5-Coder"),
        ("/models/Qwen2.5-Coder-7B-GGUF/model.gguf", "Qwen2.5-Coder"),
        ("/root/.cache/huggingface/hub/models--Qwen--Qwen2.5-Coder-7B/snapshots/0396a76", "Qwen2.5-Coder"),
        ("unsloth/Qwen3-Coder-30B-A3B-Instruct-GGUF:UD-Q4_K_XL", "Qwen3-Coder"),
        ("TheBloke/CodeLlama-13B-GPTQ", "CodeLlama"),
        ("code_llama-7b", "CodeLlama"),
        ("/starcoder2-experiments/CodeLlama-7b-hf", "CodeLlama"),
        ("deepseek-coder:6.7b-base-q5_0", "DeepSeek-Coder"),
        ("DeepSeek-Coder-V2-Lite-Base", "DeepSeek-Coder"),
        ("starcoder2:3b", "StarCoder2"),
        ("StarCoder-3B-Q8_0.gguf", "StarCoder"),
        ("codestral:22b", "Codestral"),
        ("code-gemma-2b", "CodeGemma"),
        ("granite-code:8b", "StarCoder"),
        ("granite3.3:8b", "Granite-3"),
        ("ibm-granite/granite-3.3-2b-base", "Granite-3"),
        ("Granite 3.3 8b Base", "Granite-3"),
        ("ibm-granite/granite-4.0-micro-base", "Granite"),
        ("granite-3b-code-base-2k.Q4_K_M.gguf", "StarCoder"),
        ("JetBrains/Mellum-4b-base", "Mellum"),
        ("bytedance/seed_coder_8b_base", "Seed-Coder"),
    ],
)
def test_a_family_is_recognised_by_any_usual_spelling(name: str, family: str) -> None:
    known = format_of_names([name])
    assert known.form is not None
    assert (known.form.family, known.infills) == (family, True)


@pytest.mark.parametrize(
    "name",
    ["llama3.2:latest", "gpt-3.5-turbo", "default", "", "code", "/codellama/llama-3-8b/model-Q4.bin/x/llama-3.gguf",
     "qwen2.5:7b", "mistral-small", "granite-embedding:30m"],
)  # fmt: skip
def test_a_name_of_another_model_tells_nothing(name: str) -> None:
    assert format_of_names([name]).is_unknown


@pytest.mark.parametrize(
    "name",
    ["codellama:34b-code", "codellama:7b-python", "CodeLlama-70b-Instruct-hf", "mamba-codestral-7B",
     "granite3.1-dense:8b", "granite3-dense:2b", "granite-3.0-8b-base", "granite-3.2-8b-instruct-Q4_0.gguf"],
)  # fmt: skip
def test_a_model_that_was_not_trained_to_infill_is_known_as_such(name: str) -> None:
    known = format_of_names([name])
    assert not known.infills
    assert not known.is_unknown


def test_the_first_name_that_tells_anything_counts() -> None:
    known = format_of_names(["autocomplete", "", "Qwen/Qwen2.5-Coder-7B", "starcoder"])
    assert known.form is not None
    assert known.form.family == "Qwen2.5-Coder"


def test_every_choice_of_engine_format_names_a_format() -> None:
    [choices] = [row.choices for row in documentation() if row.key == "engine.format"]
    assert choices == format_choices()
    families = {known.form.family for choice in choices if (known := format_called(str(choice))) and known.form}
    assert len(families) == len(choices) - 3
    assert format_called("auto") is None
    assert format_called("none") is not None


def test_a_workspace_cannot_choose_the_format() -> None:
    [row] = [row for row in documentation() if row.key == "engine.format"]
    assert row.trusted
