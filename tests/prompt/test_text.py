"""Infilling prompts as text, for remote servers."""

from __future__ import annotations

import pytest

from infill_completion.api import ContextItem
from infill_completion.prompt.text import fim_text


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("codellama/CodeLlama-13b-hf", "<PRE> P <SUF>S <MID>"),
        ("codellama:7b-code", "<PRE> P <SUF>S <MID>"),
        ("Qwen/Qwen2.5-Coder-7B", "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"),
        ("bigcode/starcoder2-3b", "<fim_prefix>P<fim_suffix>S<fim_middle>"),
        ("bigcode/santacoder", "<fim-prefix>P<fim-suffix>S<fim-middle>"),
        ("ibm-granite/granite-8b-code-base", "<fim_prefix>P<fim_suffix>S<fim_middle>"),
        ("deepseek-ai/deepseek-coder-6.7b-base", "<｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>"),
        ("google/codegemma-2b", "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"),
        ("mistralai/Codestral-22B-v0.1", "[SUFFIX]S[PREFIX]P"),
        ("ByteDance-Seed/Seed-Coder-8B-Base", "<[fim-suffix]>S<[fim-prefix]>P<[fim-middle]>"),
        ("JetBrains/Mellum-4b-base", "<fim_suffix>S<fim_prefix>P<fim_middle>"),
    ],
)
def test_each_family_has_its_format(model: str, text: str) -> None:
    assert fim_text(model, "P", "S").text == text


@pytest.mark.parametrize(
    "model",
    ["codellama/CodeLlama-34b-hf", "codellama/CodeLlama-7b-Python-hf", "mistralai/Mamba-Codestral-7B", "unheard-of"],
)
def test_a_model_that_was_not_trained_to_infill_continues_the_prefix(model: str) -> None:
    assert fim_text(model, "P", "S").text == "P"


def test_without_a_suffix_the_prompt_is_left_to_right() -> None:
    assert fim_text("codellama", "P", None).text == "P"


def test_an_empty_suffix_still_infills() -> None:
    assert fim_text("codellama", "P", "").text == "<PRE> P <SUF> <MID>"


def test_other_files_come_first_in_the_format_of_the_model() -> None:
    context = [ContextItem("a.py", "A = 1\n"), ContextItem("b.py", "B = 2")]
    assert fim_text("codellama", "P", "S", context).text == "<PRE> # a.py\nA = 1\n\n# b.py\nB = 2\n\nP <SUF>S <MID>"
    assert fim_text("starcoder2", "P", "S", context[:1]).text == (
        "<file_sep>a.py\nA = 1\n\n<file_sep><fim_prefix>P<fim_suffix>S<fim_middle>"
    )
    assert fim_text("starcoder2", "P", "S").text == "<fim_prefix>P<fim_suffix>S<fim_middle>"


@pytest.mark.parametrize("model", ["codellama", "qwen2.5-coder", "starcoder2", "deepseek-coder", "codestral"])
def test_the_users_text_never_becomes_a_control_token(model: str) -> None:
    plain = fim_text(model, "", "", [ContextItem("a", "")])
    markers = [
        *plain.stop,
        "<PRE>",
        "<MID>",
        "<|fim_middle|>",
        "<fim_middle>",
        "<｜fim▁end｜>",
        "[SUFFIX]",
        "<file_sep>",
    ]
    nasty = "".join(markers)
    attacked = fim_text(model, nasty, nasty, [ContextItem("a", nasty)])
    own = {marker for marker in markers if marker in plain.text or marker in plain.stop}
    assert own
    for marker in own:
        assert attacked.text.count(marker) == plain.text.count(marker)
