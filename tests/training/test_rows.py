"""Rows from a tokenised corpus look like the engine's prompts, and middles end where the syntax does."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from infill_completion import embedded
from infill_completion.api import ContextItem
from infill_completion.engine.checkpoints.tokenizer import Tokenizer as EngineTokenizer
from infill_completion.engine.learning import cuts
from infill_completion.prompt.formats import PromptLayout
from infill_completion.prompt.tokens import PromptOptions, build_prompt
from training import rows
from training.corpus import SourceFile
from training.packing import tokenised
from training.rows import TokenRowMaker

FOLDER = Path(embedded.__file__).parent
TEXT = Path(__file__).read_text(encoding="utf-8")
CALL = "x = call(\n    a,\n    b(c),\n)\ny = 2\n"
BLOCK = "if x:\n    a = 1\n\n    b = 2\nc = 3\n"


@pytest.fixture(scope="module")
def maker() -> TokenRowMaker:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    files = [SourceFile("p:a.py", TEXT), SourceFile("p:b.py", TEXT.replace("row", "line")), SourceFile("q:c.rs", CALL)]
    return TokenRowMaker(tokenised(files, tokenizer), tokenizer, 512)


@pytest.mark.parametrize(
    ("rest", "text", "before", "middle"),
    [
        (cuts.rest_of_statement, CALL, "x = ", "call(\n    a,\n    b(c),\n)"),
        (cuts.rest_of_statement, CALL, "x = call(\n    ", "a,"),
        (cuts.rest_of_brackets, CALL, "x = call(", "\n    a,\n    b(c),\n"),
        (cuts.rest_of_brackets, CALL, "x = call(\n    a,\n    b(", "c"),
        (cuts.rest_of_brackets, "a = b\n", "a = ", "b"),
        (cuts.rest_of_block, BLOCK, "if x:\n    ", "a = 1\n\n    b = 2"),
        (cuts.rest_of_block, "    a\n    b\n", "    ", "a"),
        (cuts.rest_of_part, "f(a, b)\n", "f(", "a"),
        (cuts.rest_of_part, "f(a, b)\n", "f(a, ", "b"),
        (cuts.rest_of_part, "value\n", "va", "lue"),
    ],
)
def test_middles_end_where_the_syntax_does(rest: object, text: str, before: str, middle: str) -> None:
    assert callable(rest)
    assert text[len(before) : rest(text, len(before))] == middle


def test_rows_have_one_length_and_depend_on_the_seed_alone(maker: TokenRowMaker) -> None:
    made = maker.rows(10, "1")
    assert made.shape == (10, 513)
    assert (made == maker.rows(10, "1")).all()
    assert (made != maker.rows(10, "2")).any()


def test_a_sample_keeps_to_its_room(maker: TokenRowMaker) -> None:
    for seed in range(400):
        room = 100 + seed
        assert len(maker.sample(random.Random(seed), room)) <= room


def test_most_samples_infill_in_both_orders_and_end(maker: TokenRowMaker) -> None:
    samples = [maker.sample(random.Random(seed), 500) for seed in range(400)]
    infilling = [ids for ids in samples if ids[1] == maker.control.pre]
    suffix_first = [ids for ids in infilling if ids[2] == maker.control.suf]
    assert 0.7 < len(infilling) / len(samples) < 0.95
    assert 0.5 < len(suffix_first) / len(infilling) < 0.7
    assert all(ids[-1] == maker.control.eot for ids in infilling)


def test_an_infilling_sample_is_the_engines_prompt_for_its_text(maker: TokenRowMaker) -> None:
    engine = EngineTokenizer.load(FOLDER)
    marks = maker.control
    compared = 0
    for seed in range(300):
        ids = maker.sample(random.Random(seed), 300)
        if ids[1] != marks.pre or ids[2] == marks.suf:
            continue
        suffix_at, middle_at = ids.index(marks.suf), ids.index(marks.mid)
        prefix, suffix = engine.decode(ids[2:suffix_at])[1:], engine.decode(ids[suffix_at + 1 : middle_at])
        options = PromptOptions(layout=PromptLayout.PSM, budget_tokens=4096, heal=False)
        ours, theirs = ids[: middle_at + 1], build_prompt(engine, prefix, suffix, (), options).ids
        # A sample that is cut off inside a line may end with other pieces than that text alone.
        assert ours[: middle_at - 12] == theirs[: middle_at - 12]
        compared += 1
    assert compared > 20


def test_text_of_a_neighbouring_file_stands_in_front_under_its_path(
    maker: TokenRowMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "CONTEXT_RATE", 1.0)
    engine = EngineTokenizer.load(FOLDER)
    texts = [engine.decode(maker.sample(random.Random(seed), 900)) for seed in range(60)]
    assert any("# b.py\n" in text for text in texts)
    item = ContextItem("b.py", "x = 1")
    prompt = build_prompt(engine, "y", "", (item,), PromptOptions(heal=False))
    assert "# b.py\nx = 1\n\ny" in engine.decode(prompt.ids)


def test_rows_of_one_language_come_from_its_files(maker: TokenRowMaker) -> None:
    made = maker.rows(3, "x", "rust")
    text = b"".join(maker.pieces[id_] for id_ in made[0].tolist()).decode("utf-8", "replace")
    assert "call(" in text
    assert "import" not in text
    assert made.dtype == np.uint16
