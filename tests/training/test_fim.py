"""Training rows look like the engine's prompts."""

import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from infill_completion import embedded
from training.corpus import SourceFile
from training.fim import RowMaker, cut
from training.train import rate_factor

TEXT = Path(__file__).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def maker() -> RowMaker:
    tokenizer = Tokenizer.from_file(str(Path(embedded.__file__).parent / "tokenizer.json"))
    return RowMaker([SourceFile("a", TEXT), SourceFile("b", TEXT.upper())], tokenizer, 128)


def test_a_cut_is_a_piece_of_the_file():
    for seed in range(200):
        chance = random.Random(seed)
        piece = cut(TEXT, chance.randrange(len(TEXT)), chance)
        assert piece.prefix + piece.middle + piece.suffix in TEXT


def test_cuts_fall_inside_words_too():
    pieces = [cut(TEXT, 100 * seed % len(TEXT), random.Random(seed)) for seed in range(300)]
    inside = [p for p in pieces if p.prefix[-1:].isalnum() and (p.middle + p.suffix)[:1].isalnum()]
    assert len(inside) > 30


def test_rows_have_one_length_and_depend_on_the_seed_alone(maker: RowMaker):
    rows = maker.rows(20, "1-2-0")
    assert {len(row) for row in rows} == {129}
    assert rows == maker.rows(20, "1-2-0")
    assert rows != maker.rows(20, "1-3-0")


def test_both_layouts_occur_about_as_often(maker: RowMaker):
    samples = [maker.sample(random.Random(seed)) for seed in range(400)]
    infilling = [ids for ids in samples if ids[1] == maker.pre]
    suffix_first = [ids for ids in infilling if ids[2] == maker.suf]
    assert 0.75 < len(infilling) / len(samples) < 0.95
    assert 0.4 < len(suffix_first) / len(infilling) < 0.6
    assert all(ids[-1] == maker.eot for ids in infilling)


def test_the_rate_warms_up_stays_and_falls_to_zero():
    factors = [rate_factor(step, step * 100, 100_000, 0.35) for step in range(1001)]
    assert factors[0] < 0.02
    assert factors[300] == 1.0
    assert factors == sorted(factors[:301]) + factors[301:]
    assert factors[-1] == 0.0
