"""Infilling formats as token ids and as text, from one table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_completion.api import ContextItem
from infill_completion.catalog import identify, names_of_folder
from infill_completion.engine.checkpoints.model_settings import ModelSettings
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.checkpoints.tokenizer_files import Ends
from infill_completion.prompt.formats import FORMATS, PromptLayout, format_of_tokens
from infill_completion.prompt.text import fim_text
from infill_completion.prompt.tokens import Prompt, PromptOptions, build_prompt
from tests.prompt.tokenizers import STARTS, byte_level, family, tokenizer_of

FILES = (ContextItem("a.py", "A = 1\n"), ContextItem("b.py", "B = 2\n"))
# The model, and its prompt with two other files.
PROMPTS = {
    "CodeLlama": (
        "codellama/CodeLlama-7b-hf",
        "<s>▁<PRE>▁<SUF>S▁<MID># a.py\nA = 1\n\n# b.py\nB = 2\n\nP",
    ),
    "Qwen2.5-Coder": (
        "Qwen/Qwen2.5-Coder-7B",
        "<|file_sep|>a.py\nA = 1\n\n<|file_sep|>b.py\nB = 2\n\n<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
    ),
    "Qwen3-Coder": (
        "Qwen/Qwen3-Coder-30B-A3B-Instruct",
        "<|im_start|>system\nYou are a code completion assistant.<|im_end|>\n<|im_start|>user\n"
        "<|file_sep|>a.py\nA = 1\n\n<|file_sep|>b.py\nB = 2\n\n<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"
        "<|im_end|>\n<|im_start|>assistant\n",
    ),
    "StarCoder2": (
        "bigcode/starcoder2-7b",
        "<file_sep>a.py\nA = 1\n\n<file_sep>b.py\nB = 2\n\n<file_sep><fim_prefix>P<fim_suffix>S<fim_middle>",
    ),
    "DeepSeek-Coder": (
        "deepseek-ai/deepseek-coder-6.7b-base",
        "<｜begin▁of▁sentence｜><｜fim▁begin｜>#a.py\nA = 1\n\n#b.py\nB = 2\n\nP<｜fim▁hole｜>S<｜fim▁end｜>",
    ),
    "CodeGemma": (
        "google/codegemma-2b",
        "<bos>a.py\nA = 1\n\n<|file_separator|>b.py\nB = 2\n\n<|file_separator|>"
        "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
    ),
    "Codestral": (
        "mistralai/Codestral-22B-v0.1",
        "<s>[SUFFIX]S[PREFIX]+++++ a.py\nA = 1\n\n+++++ b.py\nB = 2\n\nP",
    ),
    "StarCoder": (
        "ibm-granite/granite-8b-code-base",
        "<fim_prefix># a.py\nA = 1\n\n# b.py\nB = 2\n\nP<fim_suffix>S<fim_middle>",
    ),
    "Granite-3": (
        "ibm-granite/granite-3.3-8b-base",
        "<fim_prefix># a.py\nA = 1\n\n# b.py\nB = 2\n\nP<fim_suffix>S<fim_middle>",
    ),
    "Granite": (
        "ibm-granite/granite-4.0-micro-base",
        "<|fim_prefix|># a.py\nA = 1\n\n# b.py\nB = 2\n\nP<|fim_suffix|>S<|fim_middle|>",
    ),
    "Seed-Coder": (
        "ByteDance-Seed/Seed-Coder-8B-Base",
        "<[begin▁of▁sentence]><[fim-suffix]>S<[fim-prefix]># a.py\nA = 1\n\n# b.py\nB = 2\n\nP<[fim-middle]>",
    ),
    "Mellum": (
        "JetBrains/Mellum-4b-base",
        "<filename>a.py\nA = 1\n\n<filename>b.py\nB = 2\n\n<fim_suffix>S<fim_prefix>P<fim_middle>",
    ),
}  # fmt: skip


def prompt_of(tokenizer: Tokenizer, prefix: str, suffix: str | None, context: tuple[ContextItem, ...] = ()) -> Prompt:
    form = tokenizer.infilling and tokenizer.infilling.form
    options = PromptOptions(layout=form.layout if form else PromptLayout.SPM, heal=False, context_share=0.9)
    return build_prompt(tokenizer, prefix, suffix, context, options)


@pytest.mark.parametrize("name", PROMPTS)
def test_each_family_gets_its_prompt_as_ids(name: str) -> None:
    model, text = PROMPTS[name]
    tokenizer = tokenizer_of(name, model=model)
    assert tokenizer.infilling is not None
    assert tokenizer.infilling.form is family(name)
    prompt = prompt_of(tokenizer, "P", "S", FILES)
    assert tokenizer.describe(prompt.ids) == text
    assert sum(prompt.tokens_by_source.values()) == len(prompt.ids)


@pytest.mark.parametrize("name", PROMPTS)
def test_without_other_files_only_the_marks_are_around_the_text(name: str) -> None:
    tokenizer = tokenizer_of(name, model=PROMPTS[name][0])
    shown = tokenizer.describe(prompt_of(tokenizer, "P", "S").ids)
    form = family(name)
    for token in filter(None, (form.file, form.file_end)):
        assert token not in shown


@pytest.mark.parametrize("name", [name for name in PROMPTS if name != "CodeLlama"])
def test_the_text_for_remote_servers_is_the_same_prompt(name: str) -> None:
    """CodeLlama's differs: blanks surround its marks, and without healing the prefix comes first."""
    model, text = PROMPTS[name]
    ends = STARTS.get(name)
    start = ends.bos if ends and ends.adds_bos and ends.bos else ""  # the server adds that one itself
    assert start + fim_text(model, "P", "S", FILES).text == text


@pytest.mark.parametrize("name", PROMPTS)
def test_text_that_spells_control_tokens_stays_text_in_both_forms(name: str) -> None:
    model, _ = PROMPTS[name]
    tokenizer, form = tokenizer_of(name, model=model), family(name)
    nasty = " ".join(sorted(form.controls()))
    attacked = prompt_of(tokenizer, nasty, nasty, (ContextItem(nasty, nasty),))
    clean = prompt_of(tokenizer, "P", "S", (ContextItem("a", "b"),))
    assert [i for i in attacked.ids if i in tokenizer.control] == [i for i in clean.ids if i in tokenizer.control]
    assert tokenizer.decode(attacked.before[-1]) == nasty
    text, plain = fim_text(model, nasty, nasty, (ContextItem(nasty, nasty),)), fim_text(model, "P", "S", FILES[:1])
    for control in form.controls():
        assert text.text.count(control) == plain.text.count(control), control


CONTROLS = sorted({control for form in FORMATS for control in form.controls()})
TOKENIZERS = {name: tokenizer_of(name, model=PROMPTS[name][0]) for name in PROMPTS}


@given(st.lists(st.sampled_from([*CONTROLS, "a", " ", "\n", "<", "|", ">", "▁", "｜"])).map("".join))
def test_no_family_encodes_text_as_a_control_token(text: str) -> None:
    for tokenizer in TOKENIZERS.values():
        for ids in (tokenizer.encode(text), tokenizer.encode_infilling(text), tokenizer.encode_line(text)):
            assert tokenizer.control.isdisjoint(ids)
            assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("name", PROMPTS)
def test_answers_end_at_every_end_token_of_the_family(name: str) -> None:
    tokenizer, form = TOKENIZERS[name], family(name)
    assert tokenizer.infilling is not None
    named = {tokenizer.describe([id_]) for id_ in tokenizer.infilling.stops}
    assert {*form.ends, *form.marks} <= named
    assert fim_text(PROMPTS[name][0], "P", "S").stop == form.text_ends


@pytest.mark.parametrize(
    "name", ["CodeLlama", "Qwen2.5-Coder", "CodeGemma", "Granite", "DeepSeek-Coder", "Seed-Coder", "StarCoder2"]
)
def test_the_tokens_identify_the_family_of_a_model_with_an_unknown_name(name: str) -> None:
    assert format_of_tokens({*family(name).controls(), "x"}, "my-own-model") is family(name)


def test_marks_alone_do_not_make_a_family_that_was_never_trained_on_them() -> None:
    mistral = {"<s>", "</s>", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[INST]"}
    assert format_of_tokens(mistral, "mistralai/Mistral-7B-v0.3") is None
    assert format_of_tokens(mistral, "mistralai/Codestral-22B-v0.1") is family("Codestral")


def test_a_name_counts_only_if_the_tokenizer_has_the_tokens() -> None:
    assert format_of_tokens({"<s>", "</s>"}, "codellama/CodeLlama-34b-hf") is None


def test_a_start_token_is_added_only_if_the_tokenizer_adds_one() -> None:
    document = byte_level(["<|endoftext|>", "<s>"])
    assert Tokenizer(document).bos is None  # the template adds none
    assert Tokenizer(document | {"post_processor": None}).bos == 257
    assert Tokenizer(document | {"post_processor": None}, Ends("<s>", None, False)).bos is None
    assert Tokenizer(document, Ends("<s>", None, True)).bos == 257
    document["model"]["vocab"] |= {"<s>": 300}
    document["added_tokens"] = document["added_tokens"][:1]
    assert Tokenizer(document | {"post_processor": None}).bos is None  # a text token that only looks like one


def test_a_letter_that_was_added_to_the_vocabulary_is_text() -> None:
    document = byte_level(["<|endoftext|>", "õ"])
    document["model"]["vocab"]["a byte that never occurs"] = document["model"]["vocab"].pop("õ")
    tokenizer = Tokenizer(document)
    assert tokenizer.decode(tokenizer.encode("nõo")) == "nõo"


@pytest.mark.parametrize(
    ("folder", "name", "layout"),
    [
        ("models--Qwen--Qwen2.5-Coder-7B/snapshots/0123", "", PromptLayout.PSM),
        ("models--codellama--CodeLlama-7b-hf/snapshots/0123", "", PromptLayout.SPM),
        ("codellama--CodeLlama-13b-hf-nf4", "", PromptLayout.SPM),
        ("Seed-Coder-8B-Base", "", PromptLayout.SPM),
        ("deepseek-coder-1.3b-base", "", PromptLayout.PSM),
        ("somewhere", "meta-llama/CodeLlama-34b-hf", PromptLayout.LEFT_TO_RIGHT),
        ("CodeLlama-70b-Instruct-hf", "", PromptLayout.LEFT_TO_RIGHT),
    ],
)
def test_a_known_model_has_its_layout_by_id_and_by_folder(
    tmp_path: Path, folder: str, name: str, layout: PromptLayout
) -> None:
    place = tmp_path / folder
    assert identify(place, name) is not None
    assert ModelSettings.read(place, name).layout is layout
    place.mkdir(parents=True)
    (place / "infill.json").write_text('{"layout": "line_last"}')
    assert ModelSettings.read(place, name).layout is PromptLayout.LINE_LAST
    (place / "infill.json").write_text('{"heal": false}')
    assert ModelSettings.read(place, name).layout is layout


@pytest.mark.parametrize("name", ["CodeLlama", "Qwen2.5-Coder", "DeepSeek-Coder", "Seed-Coder"])
def test_an_unknown_model_has_the_layout_of_its_tokens(tmp_path: Path, name: str) -> None:
    form = family(name)
    assert identify(tmp_path, "me/mine") is None
    assert ModelSettings.read(tmp_path, "me/mine", form).layout is form.layout


def test_a_folder_gives_its_tokenizer_the_name_of_the_model(tmp_path: Path) -> None:
    folder = tmp_path / "models--JetBrains--Mellum-4b-base" / "snapshots" / "0123"
    folder.mkdir(parents=True)
    controls = [*family("Mellum").controls()]
    (folder / "tokenizer.json").write_text(json.dumps(byte_level(controls)), encoding="utf-8")
    tokenizer = Tokenizer.load(folder)
    assert tokenizer.infilling is not None
    assert tokenizer.infilling.form.family == "Mellum"
    assert names_of_folder(folder)[0] == "JetBrains/Mellum-4b-base"
