"""A cancelled answer is continued when the next request agrees with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from infill_completion.api import Chunk, CompletionRequest, FinishReason
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.decoding.recent_texts import MAX_TEXTS, RecentTexts
from infill_completion.engine.model.decoder import Decoder
from infill_completion.prompt.formats import PromptLayout
from tests.engine.tiny import never

PREFIX = "import os\n\n\ndef read_lines(path):\n    with open(path) as file:\n        return [line for line in fi"
ASK = CompletionRequest(prefix=PREFIX, suffix="\n\n\nprint(read_lines('a'))\n", max_tokens=24, temperature=0.0)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The widths of all forward passes."""
    widths: list[int] = []
    forward = Decoder.forward

    def counted(self: Decoder, ids: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        widths.append(ids.shape[1])
        return forward(self, ids, *args, **options)

    monkeypatch.setattr(Decoder, "forward", counted)
    return widths


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def cancelled_after(generator: Generator, request: CompletionRequest, tokens: int) -> str:
    got: list[Chunk] = []
    got.extend(generator.stream(request, lambda: sum(chunk.token_count for chunk in got) >= tokens))
    assert got[-1].finish_reason is FinishReason.CANCELLED
    return text_of(got)


@pytest.mark.parametrize("layout", [PromptLayout.SPM, PromptLayout.PSM, PromptLayout.LINE_LAST])
@pytest.mark.parametrize("typed", [0, 1], ids=["nothing", "a character"])
def test_the_next_request_continues_with_the_same_text(
    exact: Generator, steps: list[int], layout: PromptLayout, typed: int
) -> None:
    model = {"layout": layout, "cache": None}
    used, fresh = exact.with_settings(**model), exact.with_settings(**model)
    written = cancelled_after(used, ASK, 5)
    assert written
    again = replace(ASK, prefix=PREFIX + written[:typed])
    steps.clear()
    expected = text_of(list(fresh.stream(again, never)))
    alone = len(steps)
    steps.clear()
    resumed = list(used.stream(again, never))
    assert text_of(resumed) == expected
    assert len(steps) < alone  # the known tokens are checked several at a time
    assert max(steps[1:]) <= 1 + used.model.settings.draft_tokens


def test_typed_through_text_is_not_computed_again(exact: Generator) -> None:
    used = exact.with_settings()
    written = cancelled_after(used, ASK, 12)
    (*_, last) = used.stream(replace(ASK, prefix=PREFIX + written[:8]), never)
    assert last.usage is not None
    assert last.usage.prompt_tokens - last.usage.cached_tokens <= 4


def test_a_request_that_disagrees_gets_its_own_answer(exact: Generator) -> None:
    used, fresh = exact.with_settings(), exact.with_settings()
    cancelled_after(used, ASK, 12)
    for other in (replace(ASK, prefix=PREFIX + "zz = "), replace(ASK, suffix="\nreturn 1\n")):
        assert text_of(list(used.stream(other, never))) == text_of(list(fresh.stream(other, never)))


def test_a_seed_draws_the_same_tokens_with_and_without_a_draft(exact: Generator) -> None:
    request = replace(ASK, temperature=0.8, seed=3)
    used, fresh = exact.with_settings(), exact.with_settings()
    cancelled_after(used, request, 10)
    assert text_of(list(used.stream(request, never))) == text_of(list(fresh.stream(request, never)))


def test_the_rest_of_a_text_is_its_part_after_the_cursor() -> None:
    recent = RecentTexts()
    recent.add(CompletionRequest("a = f", "\n"), "oo(bar)")
    for prefix, rest in (
        ("a = f", "oo(bar)"),
        ("a = foo", "(bar)"),
        ("a = ", "foo(bar)"),
        ("a = fx", ""),
        ("a", " = foo(bar)"),
    ):
        assert recent.rest(CompletionRequest(prefix, "\n")) == rest
    assert recent.rest(CompletionRequest("a = foo(bar)", "\n")) == ""
    assert recent.rest(CompletionRequest("a = f", "\n\n")) == ""
    recent.add(CompletionRequest("a = f", "\n"), "rob()")
    assert recent.rest(CompletionRequest("a = f", "\n")) == "rob()"
    assert recent.rest(CompletionRequest("a = fo", "\n")) == "o(bar)"


def test_old_texts_are_forgotten() -> None:
    recent = RecentTexts()
    for number in range(MAX_TEXTS + 1):
        recent.add(CompletionRequest(f"{number} = ", None), "x")
    assert recent.rest(CompletionRequest("0 = ", None)) == ""
    assert recent.rest(CompletionRequest("1 = ", None)) == "x"
