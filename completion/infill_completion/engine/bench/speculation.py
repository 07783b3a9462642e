"""The gain from drafts that are copied from the text around the cursor, on real code where they can be right."""

from __future__ import annotations

from dataclasses import dataclass, replace

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.engine.bench.subject import Subject
from infill_completion.engine.bench.workload import request_of
from infill_completion.engine.decoding.generator import Generator

_PLACES, _TOKENS, _LINES_APART = 12, 48, 140


@dataclass(frozen=True)
class Speculation:
    """Greedy decoding in the middle of lines of real modules, up to the end that the model chooses.

    Attributes:
        places: Number of answers.
        tokens: Tokens of all answers.
        single: Tokens per second with one token per step.
        drafted: Tokens per second with drafts, as shipped; the fastest run of each place counts.
        same: Places with identical answers; below float32 several rows at once may round differently from one.
    """

    places: int
    tokens: int
    single: float
    drafted: float
    same: int


def speculation(subject: Subject, context_tokens: int, repeats: int) -> Speculation:
    """Measure answers without and with drafts, in turn at each place."""
    shipped = subject.generator
    variants = [shipped.with_settings(draft_tokens=0), shipped.with_settings()]
    requests = [_hole(shipped, context_tokens, number * _LINES_APART) for number in range(_PLACES)]
    times = [0.0, 0.0]
    tokens = [0, 0]
    same = 0
    for request in requests:
        runs = [[_timed(variant, request) for variant in variants] for _ in range(repeats + 1)][
            1:
        ]  # the first one is a warm-up
        for which in range(2):
            times[which] += min(run[which][0] for run in runs)
            tokens[which] += runs[0][which][1]
        same += runs[0][0][2] == runs[0][1][2]
    single, drafted = (count / max(seconds, 1e-9) for count, seconds in zip(tokens, times, strict=True))
    return Speculation(len(requests), tokens[1], single, drafted, same)


def _hole(generator: Generator, context_tokens: int, skip_lines: int) -> CompletionRequest:
    """Return a request in the middle of a line, for the rest of that line and a few more."""
    request = request_of(generator, context_tokens, _TOKENS, skip_lines=skip_lines)
    lines = request.prefix.splitlines(keepends=True)
    at = next((number for number in range(len(lines) - 1, 0, -1) if len(lines[number].strip()) > 16), len(lines) - 1)
    half = len(lines[at].rstrip()) // 2
    prefix, rest = "".join(lines[:at]) + lines[at][:half], "".join(lines[at + 1 :])
    return replace(request, prefix=prefix, suffix=f"\n{rest}{request.suffix}", temperature=0.0)


def _timed(generator: Generator, request: CompletionRequest) -> tuple[float, int, str]:
    """Return the seconds after the first token, the number of tokens in them, and the text."""
    generator.model.recent_texts.clear()  # or the previous answer would be a draft that is always right
    text, last = "", Chunk()
    for last in generator.stream(request, lambda: False):
        text += last.text
    assert last.usage is not None
    seconds = (last.timings["decode_ms"] - (last.timings["ttft_ms"] - last.timings["prefill_ms"])) / 1000
    return seconds, max(0, last.usage.completion_tokens - 1), text
