from __future__ import annotations

from infill_completion.api import ContextItem
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.ngram.mixture import MixtureParameters
from training.compare import PredictionSource, Predictor

STRONG = MixtureParameters(bias=8.0)
PREFIX = "first = frobnicate(quux_table, 1)\nsecond = frob"


def test_the_index_alone_copies_what_followed_before(tiny: Generator) -> None:
    assert Predictor(tiny, PredictionSource.NGRAM, STRONG)(PREFIX, "\n") == "nicate(quux_table, 1)"


def test_the_index_alone_says_nothing_about_what_it_never_saw(tiny: Generator) -> None:
    assert Predictor(tiny, PredictionSource.NGRAM, STRONG)("zebra = ", "") == ""


def test_both_follow_the_index_where_it_is_trusted_and_the_model_where_not(tiny: Generator) -> None:
    model = Predictor(tiny, PredictionSource.MODEL)(PREFIX, "\n", max_tokens=8)
    assert Predictor(tiny, PredictionSource.BOTH, STRONG)(PREFIX, "\n") == "nicate(quux_table, 1)"
    assert Predictor(tiny, PredictionSource.BOTH, MixtureParameters(bias=-100.0))(PREFIX, "\n", max_tokens=8) == model


def test_other_files_are_copied_from_too(tiny: Generator) -> None:
    context = [ContextItem("a.py", "zebra = stripes(black, white)\n")]
    assert Predictor(tiny, PredictionSource.NGRAM, STRONG)("x\nzebra = ", "", context) == "stripes(black, white)"


def test_predictors_leave_the_generator_as_it_is(tiny: Generator) -> None:
    before = tiny.model.settings
    Predictor(tiny, PredictionSource.BOTH, STRONG, heal=False)(PREFIX, "\n", max_tokens=2)
    assert tiny.model.settings is before
