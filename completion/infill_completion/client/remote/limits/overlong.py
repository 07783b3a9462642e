"""Refusals of a prompt that is too long, in the words of the known servers, and the limits they name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from infill_completion.client.remote.limits.refusal_text import refusal_text

_TOO_LARGE = 413
_NUMBER = re.compile(r"(?<![\d.])\d{2,9}(?![\d.]*\d)")

_ABOUT_LENGTH = re.compile(
    r"context|(prompt|inputs?|sequence|request(ed)?|decoder|messages)\b.*(token|length|too long|max_seq_len)"
    r"|(token|length).*(prompt|input|sequence)|exceed_context"
)
_TOO_LONG = re.compile(
    r"exceed|too (long|large|big|many)|longer than|greater than|larger than|more than|less than|at most|overflow"
    r"|maximum|max_|must be <|not fit|reduce|limit|only|>"
)
# Its numbers say nothing about length.
_NOISE = re.compile(r"(input )?validation error:?|input should be")
_LIMITS = tuple(
    re.compile(pattern)
    for pattern in (
        r"max_(?:seq|model|total|input)\w*\W{0,3}(?:is|of|:|=)?[ (]{0,2}(\d+)",
        r"(?:max(?:imum)?|model|available|allowed)[\w' ]{0,30}?(?:context|model|prompt|input|sequence|total)"
        r"[ _](?:length|len|size|window|tokens)\W{0,3}(?:is|of|:|=)?(?: only| set to)?[ (]{0,2}(\d+)",
        r"(\d+) (?:tokens? )?(?:maximum|max)\b",
        r"context (?:length|window|size)\W{0,2}(?:of|is|limit|:|=)?(?: only)?[ (]{0,2}(\d+)",
        r"n_ctx\W{0,4}(\d+)",
        r"(?:(?:less|longer|greater|larger|more) than|at most|<=?|>=?|(?:limit|maximum)(?: of| is|:)?)[ (]{0,2}(\d+)",
    )
)
_PROMPTS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(\d+) (?:input|prompt) tokens",
        r"prompt \(length (\d+)",
        r"(\d+) (?:tokens )?(?:in|from|of) (?:the |your )?(?:messages|prompt|input)",
        r"(?:prompt|input|inputs|request)[\w ]{0,20}[ (:=]{1,3}(\d+)",
        r"(?:prompt|input)(?: length| contains| has|_tokens)?\W{0,4}(\d+)",
        r"given: (\d+)",
        r"(?:requested|have|has|contains|includes)(?: tokens| about)?[ (]{1,2}(\d+)",
    )
)


@dataclass(frozen=True)
class Overlong:
    """A prompt that was refused for its length; None where the server gives no number.

    Attributes:
        window_tokens: What the server takes.
        prompt_tokens: What it got.
    """

    window_tokens: int | None = None
    prompt_tokens: int | None = None


def overlong(status: int, body: bytes) -> Overlong | None:
    """Return what a refusal says about the length of the prompt; None if it is about something else.

    Args:
        status: The HTTP status; 413 needs no message.
        body: The answer.
    """
    text = _NOISE.sub("", refusal_text(body).lower())
    fields = _fields(body)
    if "n_ctx" not in fields and not (_ABOUT_LENGTH.search(text) and _TOO_LONG.search(text)):
        return Overlong() if status == _TOO_LARGE else None
    window = fields.get("n_ctx") or _number(_LIMITS, text)
    prompt = fields.get("n_prompt_tokens") or _number(_PROMPTS, text)
    if window is not None and (prompt is None or prompt == window):
        prompt = max((size for size in map(int, _NUMBER.findall(text)) if size > window), default=None)
    return Overlong(window, prompt)


def _number(patterns: tuple[re.Pattern[str], ...], text: str) -> int | None:
    return next((int(found[1][:9]) for pattern in patterns if (found := pattern.search(text))), None)


def _fields(body: bytes) -> dict[str, int]:
    """Return the numbers that llama.cpp adds to its error as fields."""
    try:
        error = json.loads(body)["error"]
        return {name: error[name] for name in ("n_ctx", "n_prompt_tokens") if isinstance(error.get(name), int)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
