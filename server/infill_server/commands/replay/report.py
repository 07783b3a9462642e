"""The table of a replay, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infill_server.commands.replay.player import Replayed, ReplayedRequest
from infill_server.recording.trace_file import RecordedSession

_TEXT_CHARACTERS = 100


def is_equal(replayed: Replayed) -> bool:
    """Return whether all compared requests got the answers of the trace."""
    return all(request.is_equal for request in replayed.requests if not request.skipped)


def as_json(trace: RecordedSession, replayed: Replayed) -> dict[str, Any]:
    """Return the table as JSON."""
    return {
        "equal": is_equal(replayed),
        "requests": [
            {
                "number": request.number,
                "kind": request.kind,
                "line": request.line,
                "outcome": _outcome(request),
                "expected": request.expected,
                "got": request.got,
                "recorded_ms": round(request.recorded_ms, 1),
                "replayed_ms": round(request.replayed_ms, 1),
            }
            for request in replayed.requests
        ],
        "prompts": dict(zip(("same", "different"), _prompts(trace, replayed), strict=True)),
        "model": {"recorded": trace.header["model"].get("sha256"), "replayed": replayed.model},
    }


def as_text(trace: RecordedSession, replayed: Replayed) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "   # request           line  recorded  replayed  answer"
    for request in replayed.requests:
        yield (
            f"{request.number:4} {request.kind:16} {request.line:5} {request.recorded_ms:6.0f} ms "
            f"{request.replayed_ms:6.0f} ms  {_outcome(request)}{'' if request.is_equal else ':'}"
        )
        if not request.is_equal:
            expected, got = _shown(request.expected), _shown(request.got)
            yield f"       expected {expected}"
            yield f"       got      {got}{' in another range' if expected == got else ''}"
    outcomes = [_outcome(request) for request in replayed.requests]
    same, different = outcomes.count("same"), outcomes.count("different")
    skipped = len(outcomes) - same - different
    yield f"{len(outcomes)} requests: {same} the same, {different} different, {skipped} not compared."
    agreeing, others = _prompts(trace, replayed)
    if others:
        yield f"{others} of {agreeing + others} prompts differ from those of the recording."
    recorded, now = trace.header["model"].get("sha256"), replayed.model
    if now is not None and recorded is not None and recorded != now:
        yield f"The model differs from {trace.header['model']['name']} of the recording, so other answers are no fault."


def _outcome(request: ReplayedRequest) -> str:
    if request.skipped:
        return f"not compared: {request.skipped}"
    return "same" if request.is_equal else "different"


def _prompts(trace: RecordedSession, replayed: Replayed) -> tuple[int, int]:
    """Return how many prompts are those of the trace, and how many are not."""
    recorded: Mapping[int, str] = {
        event.data["n"]: event.data["sha256"]
        for event in trace.events
        if event.kind == "asked" and "sha256" in event.data
    }
    same = sum(replayed.prompts.get(number) == sha256 for number, sha256 in recorded.items())
    return same, len(recorded) - same


def _shown(answer: Any) -> str:
    if not isinstance(answer, list):
        return f"error {answer}"
    text = " | ".join(repr(item["text"]) for item in answer) or "nothing"
    return text if len(text) <= _TEXT_CHARACTERS else text[: _TEXT_CHARACTERS - 1] + "…"
