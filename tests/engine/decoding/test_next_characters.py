"""How likely each character is to come next, as the model that answers sees it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.engine.decoding.generator import Generator
from infill_completion.settings import EngineSettings
from tests.engine.tiny import never

ASK = CompletionRequest(prefix="value = fun", suffix="\n", max_tokens=12, temperature=0.0, next_characters=8)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator.load(EngineSettings(model="embedded", device="cpu"), lambda _done, _what: None)


def answer(generator: Generator, request: CompletionRequest) -> list[Chunk]:
    return list(generator.stream(request, never))


@pytest.mark.parametrize(
    "prefix", ["value = fun", "value = ", "def f(a, b):\n    return ", "x", "import o", "    # é", "self.attr", "",
               "value = [1, 2, 3].appen"],
)  # fmt: skip
def test_the_report_comes_once_and_the_answer_begins_with_its_likeliest_character(
    generator: Generator, prefix: str
) -> None:
    chunks = answer(generator, replace(ASK, prefix=prefix))
    reports = [chunk.next_characters for chunk in chunks if chunk.next_characters]
    assert len(reports) == 1
    shares = list(reports[0].values())
    assert shares == sorted(shares, reverse=True)
    assert len(shares) <= 8
    assert 0 < sum(shares) <= 1.0001
    assert all(len(character) <= 1 for character in reports[0])
    text = "".join(chunk.text for chunk in chunks)
    assert text[:1] in reports[0]
    # The character of the likeliest token need not be the likeliest, but is not far from it.
    assert reports[0][text[:1]] > shares[0] / 4


def test_the_report_changes_nothing_and_comes_only_on_demand(generator: Generator) -> None:
    def plain(chunks: list[Chunk]) -> list[tuple[str, float, object]]:
        return [(chunk.text, chunk.logprob_sum, chunk.finish_reason) for chunk in chunks]

    with_report, without = answer(generator, ASK), answer(generator, replace(ASK, next_characters=0))
    assert plain(with_report) == plain(without)
    assert not any(chunk.next_characters for chunk in without)


def test_alternatives_come_with_the_tokens_that_the_model_was_not_sure_of(generator: Generator) -> None:
    chunks = answer(generator, replace(ASK, prefix="def f(a, b):\n    return "))
    reports = [chunk for chunk in chunks if chunk.alternatives]
    assert reports
    for chunk in reports:
        share = math.exp(chunk.logprob_sum)
        assert share + sum(chunk.alternatives.values()) <= 1.0001
        assert all(0.02 <= other <= share + 1e-6 for other in chunk.alternatives.values())  # the likeliest was taken
        assert chunk.text not in chunk.alternatives
    assert not any(chunk.alternatives for chunk in answer(generator, replace(ASK, next_characters=0)))


def test_the_number_of_characters_is_kept(generator: Generator) -> None:
    (report,) = (chunk.next_characters for chunk in answer(generator, replace(ASK, next_characters=2))
                 if chunk.next_characters)  # fmt: skip
    assert len(report) <= 2


def test_of_several_candidates_only_the_first_one_reports(generator: Generator) -> None:
    chunks = answer(generator, replace(ASK, n=3))
    assert {chunk.index for chunk in chunks if chunk.next_characters} == {0}
