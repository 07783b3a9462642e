"""The first line of an answer is chosen by the text after the cursor."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from infill_completion.api import Chunk, CompletionRequest, FinishReason
from infill_completion.catalog import KnownModel, Support
from infill_completion.catalog.known import MODELS
from infill_completion.engine.checkpoints.model_settings import ModelSettings, RerankParameters
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.decoding.loaded_model import LoadedModel
from infill_completion.engine.decoding.stopwatch import Stopwatch
from infill_completion.engine.model.cuda.device_loop import DeviceLoop
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.ngram.mixture import MixtureParameters
from infill_completion.prompt.formats import PromptLayout
from tests.engine.tiny import never

PREFIX = "import os\n\n\ndef sizes(paths):\n    result = []\n    for path in paths:\n        "
SUFFIX = "\n        result.append(size)\n    return result\n\n\nprint(sizes(['a', 'b']))\n"
ASK = CompletionRequest(prefix=PREFIX, suffix=SUFFIX, max_tokens=24, temperature=0.0, one_line=True, explain=True)
ASKS = {
    "blank line": ASK,
    "unfinished word": replace(ASK, prefix=PREFIX + "size = os.pa"),
    "rest of the line": replace(ASK, prefix=PREFIX + "size = len(pa", suffix=")" + SUFFIX),
    "after an operator": replace(ASK, prefix=PREFIX + "size = ", stop=("\n",)),
    "sampled": replace(ASK, prefix=PREFIX + "size = ", temperature=0.9, seed=5),
    "CRLF never arrives, tabs do": replace(ASK, prefix="func f() {\n\t", suffix="\n\treturn x\n}\n"),
}


WEIGHT = RerankParameters().suffix_weight
INFILLING = RerankParameters(infilling=True)


@pytest.fixture
def blind(exact: Generator) -> Generator:
    """The embedded model without infilling marks."""
    return exact.with_settings(layout=PromptLayout.LEFT_TO_RIGHT, cache=None, rerank=RerankParameters())


def run(generator: Generator, request: CompletionRequest, cancelled: Any = never) -> tuple[str, list[Chunk]]:
    chunks = list(generator.stream(request, cancelled))
    return "".join(chunk.text for chunk in chunks), chunks


def lines_of(chunks: list[Chunk]) -> list[dict[str, Any]]:
    assert chunks[-1].explain is not None
    return list(chunks[-1].explain["reranked"])


def suffix_logprob(model: LoadedModel, request: CompletionRequest, line: str) -> float:
    """Return the log-probability of the suffix after a line, in a pass of its own."""
    prompt, tokenizer = model.prompt(request), model.tokenizer
    rest = (request.suffix or "").partition("\n")[0] if prompt.layout is PromptLayout.LEFT_TO_RIGHT else ""
    written = prompt.spell + (line.removesuffix(rest) if rest else line)
    whole, before = tokenizer.encode_infilling(written + (request.suffix or "")), tokenizer.encode_infilling(written)
    start = next(at for at in range(len(whole)) if whole[at] != (*before, -1)[at])
    wanted = whole[: start + RerankParameters().suffix_tokens]
    ids = [*prompt.ids, *wanted]
    decoder = model.forward_pass.decoder
    scores = decoder.forward(torch.tensor([ids]), KVCache(decoder.kv_shape, len(ids)), 0, all_logits=True)[0]
    chances = scores.log_softmax(-1)
    return sum(float(chances[len(prompt.ids) + at - 1, wanted[at]]) for at in range(start, len(wanted)))


@pytest.mark.parametrize("name", [name for name in ASKS if name != "sampled"])
def test_a_model_that_infills_compares_lines_where_the_user_waits(exact: Generator, name: str) -> None:
    """It has been shown the suffix, and makes too little of it."""
    infilling = exact.with_settings(cache=None, rerank=INFILLING)
    text, chunks = run(infilling, replace(ASKS[name], is_invoked=True))
    lines = lines_of(chunks)
    assert len(lines) > 1
    for line in lines:
        expected = suffix_logprob(infilling.model, ASKS[name], line["text"])
        assert line["suffix_logprob"] == pytest.approx(expected, abs=2e-3)
    best = max(lines, key=lambda line: line["logprob"] + WEIGHT * line["suffix_logprob"])
    assert text.startswith(best["text"])


def test_a_bracket_of_a_model_that_sees_the_one_after_the_cursor_is_another_one(exact: Generator) -> None:
    infilling = exact.with_settings(cache=None, rerank=INFILLING)
    request = replace(ASK, prefix=PREFIX + "size = len(str(pa", suffix=")" + SUFFIX, is_invoked=True)
    closed = [line for line in lines_of(run(infilling, request)[1]) if line["text"].endswith(")")]
    assert closed
    for line in closed:
        expected = suffix_logprob(infilling.model, request, line["text"])
        assert line["suffix_logprob"] == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("rerank", "is_invoked"), [(INFILLING, False), (RerankParameters(), True), (None, True)], ids=str
)
def test_a_model_that_infills_writes_its_own_line_while_the_user_types_and_unless_its_settings_say_otherwise(
    exact: Generator, rerank: RerankParameters | None, is_invoked: bool
) -> None:
    infilling = exact.with_settings(cache=None, rerank=rerank)
    text, chunks = run(infilling, replace(ASK, is_invoked=is_invoked))
    assert lines_of(chunks) == []
    assert text == run(exact.with_settings(cache=None, rerank=None), ASK)[0]


def test_the_embedded_model_compares_lines(exact: Generator) -> None:
    assert exact.model.settings.rerank == INFILLING


@pytest.mark.parametrize("request_", ASKS.values(), ids=ASKS)
def test_the_line_that_makes_the_suffix_likeliest_wins(blind: Generator, request_: CompletionRequest) -> None:
    text, chunks = run(blind, request_)
    lines = lines_of(chunks)
    assert 1 < len(lines) <= 1 + RerankParameters().alternatives
    for line in lines:
        assert line["suffix_logprob"] == pytest.approx(suffix_logprob(blind.model, request_, line["text"]), abs=2e-3)
    best = max(lines, key=lambda line: line["logprob"] + WEIGHT * line["suffix_logprob"])
    assert text.startswith(best["text"])
    assert all(chunk.logprob_sum <= 0 for chunk in chunks)
    assert chunks[-1].finish_reason in {FinishReason.STOP, FinishReason.LENGTH}
    assert sum(chunk.usage is not None for chunk in chunks) == 2  # first and last, as the explanation


@pytest.mark.parametrize("weight", [0.0, 1.0, 30.0])
def test_the_suffix_can_replace_the_models_own_line(blind: Generator, weight: float) -> None:
    weighed = blind.with_settings(rerank=RerankParameters(suffix_weight=weight))
    own, _ = run(blind.with_settings(rerank=None), ASK)
    text, chunks = run(weighed, ASK)
    lines = lines_of(chunks)
    best = max(lines, key=lambda line: line["logprob"] + weight * line["suffix_logprob"])
    assert text.startswith(best["text"])
    if weight == 30.0:
        assert not own.startswith(text[:8])


@pytest.mark.parametrize("cache", [None, MixtureParameters()], ids=["model alone", "with cache"])
@pytest.mark.parametrize("request_", ASKS.values(), ids=ASKS)
def test_the_answer_goes_on_after_the_line_as_the_model_goes_on(
    blind: Generator, request_: CompletionRequest, cache: MixtureParameters | None
) -> None:
    """What follows the line is what the model writes after it, so the cache holds the winner's tokens."""
    if request_.temperature:
        request_ = replace(request_, temperature=0.0)
    generator = blind.with_settings(cache=cache, heal=False)
    text, _ = run(generator, replace(request_, stop=()))
    first, newline, rest = text.lstrip().partition("\n")
    if not newline:
        return
    written = text[: len(text) - len(rest)]
    again, _ = run(generator.with_settings(rerank=None), replace(request_, prefix=request_.prefix + written, stop=()))
    assert again.startswith(rest) or rest.startswith(again)
    assert first


@pytest.mark.parametrize(
    "changes",
    [
        {"suffix": None}, {"suffix": "\n \n"}, {"one_line": False}, {"n": 5},
        {"n": 2, "temperature": 0.9, "seed": 3},
        {"max_tokens": 1}, {"prefix": "", "suffix": "\nx = 1\n", "max_tokens": 1},
    ],
    ids=str,
)  # fmt: skip
def test_without_anything_to_choose_by_the_answer_is_the_models_own(blind: Generator, changes: dict[str, Any]) -> None:
    request = replace(ASK, **changes)
    text, chunks = run(blind.with_settings(), request)
    assert lines_of(chunks) == []
    assert text == run(blind.with_settings(rerank=None), request)[0]


def several(generator: Generator, request: CompletionRequest, cancelled: Any = never) -> tuple[list[str], list[Chunk]]:
    """Return the text of each candidate, and all chunks; each candidate ends once."""
    chunks = list(generator.stream(request, cancelled))
    ends = [chunk.index for chunk in chunks if chunk.finish_reason is not None]
    assert sorted(ends) == list(range(request.n))
    assert chunks[-1].usage is not None
    return ["".join(chunk.text for chunk in chunks if chunk.index == index) for index in range(request.n)], chunks


def mean_logprob(chunks: list[Chunk], index: int) -> float:
    own = [chunk for chunk in chunks if chunk.index == index]
    return sum(chunk.logprob_sum for chunk in own) / max(1, sum(chunk.token_count for chunk in own))


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("name", [name for name, request in ASKS.items() if not request.temperature])
def test_several_candidates_are_the_lines_in_the_order_of_the_suffix(blind: Generator, name: str, n: int) -> None:
    request = replace(ASKS[name], n=n)
    texts, chunks = several(blind, request)
    ranked = sorted(lines_of(chunks), key=lambda line: -line["logprob"] - WEIGHT * line["suffix_logprob"])
    assert len(ranked) > 1
    single, _ = run(blind, replace(request, n=1))
    assert texts[0] == single  # the first is what a single one would be
    rest = [line["text"].rstrip() for line in ranked if not texts[0].startswith(line["text"])]
    assert [text.rstrip().split("\n")[0] for text in map(str.lstrip, texts[1:]) if text] == [
        line.strip() for line in rest[: n - 1]
    ]
    means = [mean_logprob(chunks, index) for index in range(n) if texts[index]]
    assert all(before > after for before, after in itertools.pairwise(means[1:]))


def test_a_candidate_without_a_likely_line_is_empty(blind: Generator) -> None:
    texts, chunks = several(blind, replace(ASK, n=3, max_tokens=1, prefix="", suffix="\nx = 1\n"))
    assert texts[1:] == ["", ""]
    assert [chunk.finish_reason for chunk in chunks if chunk.index] == [FinishReason.STOP] * 2


def test_a_lower_threshold_for_the_others_does_not_change_the_first(blind: Generator) -> None:
    strict = blind.with_settings(rerank=RerankParameters(least_share=0.9))
    texts, chunks = several(strict, replace(ASK, n=3))
    assert texts[0] == run(strict, ASK)[0] == run(blind.with_settings(rerank=None), ASK)[0]
    assert len(lines_of(chunks)) > 1  # others are offered all the same


@pytest.mark.parametrize("calls", [1, 4, 9, 14, 20])
def test_several_candidates_all_end_when_cancelled(blind: Generator, calls: int) -> None:
    left = iter([False] * calls)
    texts, chunks = several(blind, replace(ASK, n=3), lambda: next(left, True))
    assert len(texts) == 3
    assert chunks[-1].finish_reason is FinishReason.CANCELLED


def test_several_candidates_are_the_same_again_and_leave_the_slot_right(blind: Generator) -> None:
    request = replace(ASK, n=3, temperature=0.1, seed=4)
    used = blind.with_settings()
    first, _ = several(used, request)
    assert several(used, request)[0] == first == several(blind.with_settings(), request)[0]
    longer = replace(ASK, prefix=ASK.prefix + first[0], one_line=False)
    assert run(used, longer)[0] == run(blind.with_settings(), longer)[0]


def test_several_candidates_echo_the_prefix(blind: Generator) -> None:
    texts, _ = several(blind, replace(ASK, n=2, echo=True))
    assert all(text.startswith(PREFIX) for text in texts)


def test_a_model_that_sees_the_suffix_needs_no_choice(exact: Generator) -> None:
    assert lines_of(run(exact.with_settings(layout=PromptLayout.SPM), ASK)[1]) == []


@pytest.mark.parametrize("draft_tokens", [0, 4])
@pytest.mark.parametrize("temperature", [0.0, 0.1, 0.9])
def test_the_same_seed_gives_the_same_answer(blind: Generator, temperature: float, draft_tokens: int) -> None:
    request = replace(ASK, temperature=temperature, seed=11)
    answers = [run(blind.with_settings(draft_tokens=count), request)[0] for count in (0, draft_tokens)]
    used = blind.with_settings(draft_tokens=draft_tokens)
    run(used, replace(request, max_tokens=3))  # leaves a draft
    assert answers[0] == answers[1] == run(used, request)[0] == run(used, request)[0]


def test_the_slot_is_right_for_the_next_request(blind: Generator) -> None:
    used = blind.with_settings()
    text, _ = run(used, ASK)
    longer = replace(ASK, prefix=ASK.prefix + text, one_line=False)
    after, chunks = run(used, longer)
    assert after == run(blind.with_settings(), longer)[0]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.cached_tokens >= len(used.model.prompt(ASK).ids) - 2


def test_two_requests_in_turn_get_what_they_get_alone(blind: Generator) -> None:
    both = [ASKS["blank line"], ASKS["unfinished word"]]
    alone = [run(blind.with_settings(), request)[0] for request in both]
    shared = blind.with_settings()
    running = [shared.steps(request, never) for request in both]
    texts = ["", ""]
    left = {0, 1}
    while left:
        for number in sorted(left):
            try:
                chunk = next(running[number])
            except StopIteration:
                left.discard(number)
                continue
            texts[number] += chunk.text if chunk is not None else ""
    assert texts == alone


@pytest.mark.parametrize("polls", range(2, 40, 3))
def test_a_request_may_be_withdrawn_at_any_time(blind: Generator, polls: int) -> None:
    """The line so far is the answer; nothing of a line that was only tried is."""
    own, _ = run(blind.with_settings(rerank=None), ASK)
    whole, _ = run(blind.with_settings(), ASK)
    asked = iter(range(1000))
    text, chunks = run(blind.with_settings(), ASK, lambda: next(asked) >= polls)
    assert own.startswith(text) or whole.startswith(text)
    assert chunks[-1].finish_reason is not None


@pytest.mark.parametrize(("decode_ms", "is_compared"), [(0.0, True), (3_600_000.0, False)])
def test_no_other_line_is_tried_without_as_much_time_again(
    blind: Generator, monkeypatch: pytest.MonkeyPatch, decode_ms: float, is_compared: bool
) -> None:
    monkeypatch.setattr(Stopwatch, "decode_ms", decode_ms)
    text, chunks = run(blind.with_settings(), replace(ASK, deadline_ms=3_600_000))
    assert bool(lines_of(chunks)) is is_compared
    assert is_compared or text == run(blind.with_settings(rerank=None), ASK)[0]


@pytest.mark.parametrize("passes", [0, 1, 3, 9, 10, 11, 14, 17, 20, 24])
def test_running_out_of_memory_loses_no_text(blind: Generator, monkeypatch: pytest.MonkeyPatch, passes: int) -> None:
    own, _ = run(blind.with_settings(rerank=None), ASK)
    whole, _ = run(blind.with_settings(), ASK)
    twin = blind.with_settings()
    failures = iter([*[False] * passes, True])
    scores = LoadedModel.scores

    def scarce(self: LoadedModel, *args: Any, **options: Any) -> Any:
        if next(failures, False):
            raise torch.OutOfMemoryError("no more")
        return scores(self, *args, **options)

    monkeypatch.setattr(LoadedModel, "scores", scarce)
    text, chunks = run(twin, ASK)
    assert text in {own, whole}
    assert chunks[-1].usage is not None


def test_the_compiled_step_compares_lines_too(embedded: Generator) -> None:
    blind = embedded.with_settings(layout=PromptLayout.LEFT_TO_RIGHT)
    text, chunks = run(blind, ASK)
    lines = lines_of(chunks)
    assert len(lines) > 1
    assert text.startswith(max(lines, key=lambda line: line["logprob"] + WEIGHT * line["suffix_logprob"])["text"])


def test_the_steps_of_a_device_compare_lines_too(blind: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, chunks = run(blind.with_settings(), ASK)
    twin = blind.with_settings()
    forks: list[Fork] = []
    score = DeviceLoop.score

    def counted(self: DeviceLoop, cache: Any, ids: Any, index: int, fork: Fork | None = None) -> torch.Tensor:
        if fork is not None:
            forks.append(fork)
        return score(self, cache, ids, index, fork)

    monkeypatch.setattr(DeviceLoop, "score", counted)
    twin.model.device_loop = DeviceLoop(twin.model.forward_pass.decoder, 4)
    text, device_chunks = run(twin, ASK)
    assert text == expected
    assert [line["text"] for line in lines_of(device_chunks)] == [line["text"] for line in lines_of(chunks)]
    assert forks


@pytest.mark.parametrize("known", MODELS, ids=lambda model: model.id)
def test_every_known_model_that_cannot_infill_is_served_by_the_rule(tmp_path: Path, known: KnownModel) -> None:
    """CodeLlama-34B and the -Python variants: by the requested name, and by the folder of a checkpoint."""
    for settings in (
        ModelSettings.read(tmp_path / "somewhere", known.id),
        ModelSettings.read(tmp_path / known.id.rpartition("/")[2]),
    ):
        is_plain = settings.layout is PromptLayout.LEFT_TO_RIGHT
        assert is_plain == (known.support is Support.LEFT_TO_RIGHT)
        assert settings.rerank is not None
