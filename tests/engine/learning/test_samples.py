"""Samples are the engine's prompts, and what follows them is what stands between prefix and suffix."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from infill_completion.api import ContextItem
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.learning.samples import MAX_MIDDLE_TOKENS, SampleMaker, SampleOptions
from infill_completion.prompt.formats import PromptLayout
from infill_completion.prompt.tokens import PromptOptions, build_prompt
from tests.engine.checkpoints.gguf.quantized_model import write_model

TEXT = Path(__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize("cursor", ["def test_sa|mples", "    assert sample|", "return |1"])
def test_a_sample_is_the_prompt_and_the_middle(tokenizer: Tokenizer, cursor: str) -> None:
    head, _, middle = cursor.partition("|")
    prefix, suffix = f"def f():\n    x = 2\n    {head}", "\n\ny = 3\n"
    text = prefix + middle + suffix
    sample = SampleMaker(tokenizer).at(text, len(prefix), len(prefix) + len(middle), 200)
    prompt = build_prompt(tokenizer, prefix, suffix, [], PromptOptions(PromptLayout.SPM, 200))
    assert tokenizer.infilling is not None
    assert list(sample.ids[: len(prompt.ids)]) == prompt.ids
    assert tokenizer.decode(sample.ids[len(prompt.ids) : -1]) == prompt.spell + middle
    assert sample.ids[-1] == tokenizer.infilling.eot
    assert list(sample.wanted) == [False] * len(prompt.ids) + [True] * (len(sample.ids) - len(prompt.ids))


def test_samples_have_their_length_and_depend_on_chance_alone(tokenizer: Tokenizer) -> None:
    maker = SampleMaker(tokenizer, SampleOptions((64, 200), context_rate=1.0))
    others = [ContextItem("a/other.py", TEXT)]
    made = [maker.sample(TEXT, others, random.Random(seed)) for seed in range(60)]
    assert made == [maker.sample(TEXT, others, random.Random(seed)) for seed in range(60)]
    lengths = [len(sample.ids) for sample in made if sample is not None]
    assert len(lengths) == 60
    assert max(lengths) <= 200 + MAX_MIDDLE_TOKENS + 8
    texts = [tokenizer.describe(sample.ids) for sample in made if sample is not None]
    assert any("# a/other.py\n" in text for text in texts)
    assert sum("<SUF>" in text for text in texts) == 60


def test_control_tokens_are_not_to_be_predicted(tokenizer: Tokenizer) -> None:
    maker = SampleMaker(tokenizer, SampleOptions(text_rate=1.0))
    assert tokenizer.infilling is not None
    for seed in range(20):
        sample = maker.sample(TEXT, [], random.Random(seed))
        assert sample is not None
        wanted = {id_ for id_, counts in zip(sample.ids, sample.wanted, strict=True) if counts}
        assert wanted & tokenizer.control <= {tokenizer.infilling.eot}


@pytest.mark.parametrize("text", ["", "\n", "   \n\t\n"])
def test_a_file_without_a_line_gives_none(tokenizer: Tokenizer, text: str) -> None:
    assert SampleMaker(tokenizer).sample(text, [], random.Random(0)) is None


def test_a_left_to_right_model_gets_no_marks(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(write_model(tmp_path / "model.gguf", "Q4_1"))
    assert tokenizer.infilling is None
    sample = SampleMaker(tokenizer).at("a = 1\nb = 2\nc", 6, 11, 100)
    assert tokenizer.decode(sample.ids) == "c\n\na = 1\nb = 2"
    assert sample.wanted == [False] * sample.wanted.index(True) + [True] * len(tokenizer.encode_line("b = 2"))
