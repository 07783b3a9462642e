"""What servers say when they refuse: prompts that are too long, fields they do not know, models that load."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infill_completion.api import Chunk, CompletionRequest, FinishReason, Usage
from infill_completion.client.remote.limits.fitting import PromptBudget
from infill_completion.client.remote.limits.overlong import Overlong, overlong
from infill_completion.client.remote.limits.refusal_text import refusal_text, says_loading
from infill_completion.client.remote.limits.refused import RefusedFields
from infill_completion.client.remote.limits.stops import StopCutter
from infill_completion.client.remote.models.served import served_model

TOO_LONG = [
    (
        "This model's maximum context length is 2048 tokens. However, you requested 2500 tokens "
        "(2372 in the messages, 128 in the completion). Please reduce the length of the messages "
        "or completion.",
        2048, 2372,
    ),
    (
        "This model's maximum context length is 2048 tokens. However, you requested 128 output "
        "tokens and your prompt contains at least 1921 input tokens, for a total of at least 2049 "
        "tokens.",
        2048, 1921,
    ),
    (
        "the request exceeds the available context size, try increasing it",
        None, None,
    ),
    (
        "request (5012 tokens) exceeds the available context size (4096 tokens), try increasing it",
        4096, 5012,
    ),
    (
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 2372 "
        "`inputs` tokens and 128 `max_new_tokens`",
        2048, 2372,
    ),
    (
        "Input validation error: `inputs` must have less than 1024 tokens. Given: 3000",
        1024, 3000,
    ),
    (
        "Requested tokens (2500) exceed context window of 2048",
        2048, 2500,
    ),
    (
        "Prompt contains 9000 tokens and 0 draft tokens, too large for model with 8192 maximum "
        "context length",
        8192, 9000,
    ),
    (
        "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
        4096, 5000,
    ),
    (
        "Input length (5000) exceeds model's maximum context length (4096).",
        4096, 5000,
    ),
    (
        "Requested token count exceeds the model's maximum context length of 4096 tokens. You "
        "requested a total of 4500 tokens: 4372 tokens from the input messages and 128 tokens for "
        "the completion.",
        4096, 4372,
    ),
    (
        "The decoder prompt (length 2500) is longer than the maximum model length of 2048. Make "
        "sure that `max_model_len` is no smaller than the number of text tokens.",
        2048, 2500,
    ),
    (
        "Trying to keep the first 4096 tokens when context the overflows. However, the model is "
        "loaded with context length of only 2048 tokens, which is not enough.",
        2048, 4096,
    ),
    (
        "Prompt length 4000 is greater than max_seq_len 2048",
        2048, 4000,
    ),
    (
        "Context length 2500 is greater than max_seq_len 2048",
        2048, 2500,
    ),
    (
        "'max_tokens' or 'max_completion_tokens' is too large: 128. This model's maximum context "
        "length is 2048 tokens and your request has 2000 input tokens",
        2048, 2000,
    ),
    (
        "context_length_exceeded",
        None, None,
    ),
    (
        "prompt is too long: 5000 tokens > 4096 maximum",
        4096, 5000,
    ),
    (
        "input length exceeds maximum context length",
        None, None,
    ),
    (
        "This endpoint's maximum context length is 4096 tokens. However, you requested about 5000 "
        "tokens (4872 of text input, 128 in the output).",
        4096, 4872,
    ),
    (
        "The total number of tokens in the prompt (5000) exceeds the limit of 4096",
        4096, 5000,
    ),
]  # fmt: skip
OF_OTHER_THINGS = [
    "n must be 1",
    "max_tokens must be at most 64",
    "max_tokens is too large: 128. This model supports at most 64 completion tokens",
    "max_new_tokens must be <= 100",
    "Input validation error: `stop` supports up to 4 stop sequences. Given: 5",
    "Too many stop sequences: at most 4",
    "logprobs is not supported",
    "logprobs must be at most 5",
    "Input should be less than or equal to 1",
    "suffix is not currently supported",
    "Unrecognized request argument supplied: stream_options",
    "prompt must be a string",
    "The model `x` does not exist.",
    "top_p must be > 0.0 and < 1.0",
    "`best_of` must be > 0 and <= 2. Given: 3",
    "Invalid request: stream is not supported for n > 1",
    "You exceeded your current quota, please check your plan and billing details.",
    "Rate limit reached: 40000 requests per minute",
]


def size(request: CompletionRequest) -> int:
    return len(request.prefix) + len(request.suffix or "")


def error(message: str, **more: Any) -> bytes:
    return json.dumps({"error": {"message": message, "type": "BadRequestError", "param": None, **more}}).encode()


@pytest.mark.parametrize(("message", "window", "prompt"), TOO_LONG)
def test_the_numbers_of_a_prompt_that_is_too_long(message: str, window: int | None, prompt: int | None) -> None:
    assert overlong(400, error(message, code=400)) == Overlong(window, prompt)


@pytest.mark.parametrize("message", OF_OTHER_THINGS)
def test_other_refusals_are_not_about_length(message: str) -> None:
    assert overlong(400, error(message)) is None
    assert overlong(422, json.dumps({"detail": [{"loc": ["body", "n"], "msg": message}]}).encode()) is None


def test_llama_cpp_gives_the_numbers_as_fields() -> None:
    body = error("the request exceeds the available context size", n_prompt_tokens=5000, n_ctx=4096)
    assert overlong(400, body) == Overlong(4096, 5000)


def test_a_body_that_is_too_large_needs_no_message() -> None:
    assert overlong(413, b"<html><title>413</title></html>") == Overlong()


def test_the_users_text_in_a_refusal_is_not_read() -> None:
    said = {
        "detail": [{"loc": ["body", "messages"], "msg": "Field required", "input": {"prompt": "the prompt exceeds"}}]
    }
    assert refusal_text(json.dumps(said).encode()) == "body ; messages ; Field required"


@pytest.mark.parametrize("text", ["prompt ", "max ", "token ", "9", "context length ", "((", "[[[["])
def test_a_hostile_refusal_is_cut(text: str) -> None:
    body = (text * 200_000).encode()
    assert len(refusal_text(body)) <= 2000
    overlong(400, body)
    RefusedFields().learn(400, body, {"n": 3, "stop": ["a"] * 9, "max_tokens": 9})


@pytest.mark.parametrize(
    ("status", "message", "is_loading"),
    [
        (503, "Loading model", True),
        (503, "Model bigcode/starcoder is currently loading", True),
        (503, "the model is not ready yet", True),
        (503, "server is starting up", True),
        (503, "Model is overloaded", False),
        (503, "server busy, please try again. maximum pending requests exceeded", False),
        (429, "Loading model", False),
        (500, "error loading model", False),
        (503, "", False),
    ],
)
def test_what_a_server_says_while_it_loads(status: int, message: str, is_loading: bool) -> None:
    assert says_loading(status, error(message)) == is_loading


def test_a_word_that_contains_a_field_names_nothing() -> None:
    refused = RefusedFields()
    body = {"prompt": "P", "n": 1, "seed": 1, "stop": ["a"], "logprobs": 1}
    for message in ("unseeded", "nonstop", "isn't", "mylogprobs_x"):
        assert not refused.learn(500, error(message), body)
    assert refused.without(body) == body


def test_each_lesson_is_smaller_than_the_last() -> None:
    refused, body = RefusedFields(), {"prompt": "P", "stop": list("123456"), "max_tokens": 128}
    lessons = 0
    while refused.learn(400, error("`stop` and `max_tokens` are too large"), refused.without(body)):
        lessons += 1
        assert lessons < 10
    assert "stop" not in refused.without(body)


def test_a_budget_counts_from_what_the_server_says() -> None:
    request = CompletionRequest("x" * 20_000, "y" * 20_000, max_tokens=100)
    budget = PromptBudget(4096)
    whole = budget.fitted(request)
    assert 0.85 < size(whole) / (4096 * 3) <= 1
    budget.refused(whole, 2048, size(whole) * 2 // 3)  # 1.5 characters for a token
    less = budget.fitted(request)
    assert 0.85 < size(less) / ((2048 - 100 - 16) * 1.5) <= 1
    budget.answered(less, Usage(2 * len(less.prefix)))
    assert len(budget.fitted(request).prefix) < len(less.prefix) / 2
    assert budget.is_smaller


@pytest.mark.parametrize("prefix", ["x" * 5000 + "\n", "a\n" + "x" * 5000, "\n" * 5000, "x" * 5000])
def test_a_prefix_of_one_long_line_is_not_lost(prefix: str) -> None:
    fitted = PromptBudget(100).fitted(CompletionRequest(prefix, "end"))
    assert 150 < len(fitted.prefix) <= 300
    assert prefix.endswith(fitted.prefix)


def test_a_short_prompt_says_nothing_about_the_size_of_tokens() -> None:
    budget, request = PromptBudget(4096), CompletionRequest("ab", "c")
    budget.answered(request, Usage(400))  # most of it is the server's template
    long = CompletionRequest("x" * 50_000)
    assert 0.85 < size(budget.fitted(long)) / (4096 * 3) <= 1


def test_typing_leaves_the_start_of_a_prompt_that_is_cut_in_place() -> None:
    budget, lines = PromptBudget(500), "".join(f"value_{number} = {number}\n" for number in range(400))
    typed = [budget.fitted(CompletionRequest(lines + "x = " + "1" * count, "\nend\n")) for count in range(200)]
    starts = [request.prefix[:40] for request in typed]
    assert len(set(starts)) <= 3
    assert all(request.prefix.startswith("value_") for request in typed)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_stops_are_found_wherever_the_chunks_are_cut(size: int) -> None:
    text = "x = 1\n\ndef <|fim_pad|> more <|fim"
    for stops, expected in ((["<|fim_pad|>", "\n\nclass "], "x = 1\n\ndef "), (["\n\n"], "x = 1"), (["z"], text)):
        cutter = StopCutter(stops)
        parts = [text[at : at + size] for at in range(0, len(text), size)]
        chunks = [cutter.cut(Chunk(2, part)) for part in parts] + [cutter.cut(Chunk(2, "", FinishReason.LENGTH))]
        kept = [chunk for chunk in chunks if chunk is not None]
        assert "".join(chunk.text for chunk in kept) == expected
        reason = FinishReason.LENGTH if expected == text else FinishReason.STOP
        assert [chunk.finish_reason for chunk in kept if chunk.finish_reason] == [reason]


@pytest.mark.parametrize(
    ("entry", "window", "is_loaded"),
    [
        ({"max_model_len": 8192}, 8192, None),
        ({"max_context_length": 32768, "loaded_context_length": 4096, "state": "loaded"}, 4096, True),
        ({"state": "not-loaded", "max_context_length": 32768}, 32768, False),
        ({"status": {"value": "unloaded"}}, None, False),
        ({"status": {"value": "loading"}}, None, False),
        ({"status": "running"}, None, True),
        ({"is_sleeping": True}, None, False),
        ({"model_info": {"general.architecture": "qwen2", "qwen2.context_length": 32768}}, 32768, None),
        ({"meta": {"n_ctx_train": 32768}}, 32768, None),
        ({"max_model_len": None, "context_length": 0, "context_window": -1, "n_ctx": True}, None, None),
        ({"max_model_len": "many", "status": 7, "owned_by": 5, "root": ["x"], "meta": []}, None, None),
        ({"max_model_len": float("inf")}, None, None),
        ({"max_model_len": float("nan")}, None, None),
    ],
)
def test_the_facts_of_any_product(entry: dict[str, Any], window: int | None, is_loaded: bool | None) -> None:
    model = served_model("m", entry)
    assert (model.window_tokens, model.is_loaded) == (window, is_loaded)
