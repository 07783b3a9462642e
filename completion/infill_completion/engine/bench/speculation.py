"""What drafts from the text around the cursor gain on real code, where they can be right."""

from __future__ import annotations

from dataclasses import dataclass, replace

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.engine.bench.measure import request_of
from infill_completion.engine.bench.models import Subject
from infill_completion.engine.decoding.generator import Generator

_PLACES, _TOKENS, _LINES_APART = 12, 48, 140


@dataclass(frozen=True)
class Speculation:
    """Decoding in the middle of lines of real modules, greedy, up to the model's own end.

    Attributes:
        places: How many answers were written.
        tokens: Of all of them.
        single: Tokens a second with one token a step.
        drafted: With drafts as they are shipped; of each place the fastest run counts.
        same: Places whose answer is the same to the letter; in less than float32 several rows at once may round
            differently from one.
    """

    places: int
    tokens: int
    single: float
    drafted: float
    same: int


def speculation(subject: Subject, context_tokens: int, repeats: int) -> Speculation:
    """Measure answers with and without drafts, in turn at each place."""
    shipped = subject.generator
    twins = [shipped.with_settings(draft_tokens=0), shipped.with_settings()]
    requests = [_hole(shipped, context_tokens, number * _LINES_APART) for number in range(_PLACES)]
    times = [0.0, 0.0]
    tokens = [0, 0]
    same = 0
    for request in requests:
        runs = [[_timed(twin, request) for twin in twins] for _ in range(repeats + 1)][1:]  # the first warms up
        for which in range(2):
            times[which] += min(run[which][0] for run in runs)
            tokens[which] += runs[0][which][1]
        same += runs[0][0][2] == runs[0][1][2]
    single, drafted = (count / max(seconds, 1e-9) for count, seconds in zip(tokens, times, strict=True))
    return Speculation(len(requests), tokens[1], single, drafted, same)


def _hole(generator: Generator, context_tokens: int, skip_lines: int) -> CompletionRequest:
    """Return a request in the middle of a line; the rest of that line and the next few are what is asked for."""
    request = request_of(generator, context_tokens, _TOKENS, skip_lines=skip_lines)
    lines = request.prefix.splitlines(keepends=True)
    at = next((number for number in range(len(lines) - 1, 0, -1) if len(lines[number].strip()) > 16), len(lines) - 1)
    half = len(lines[at].rstrip()) // 2
    prefix, rest = "".join(lines[:at]) + lines[at][:half], "".join(lines[at + 1 :])
    return replace(request, prefix=prefix, suffix=f"\n{rest}{request.suffix}", temperature=0.0)


def _timed(generator: Generator, request: CompletionRequest) -> tuple[float, int, str]:
    """Return the seconds behind the first token, the tokens of them, and the text."""
    generator.model.recent_texts.clear()  # the answer to the run before would be a draft that is always right
    text, last = "", Chunk()
    for last in generator.stream(request, lambda: False):
        text += last.text
    assert last.usage is not None
    seconds = (last.timings["decode_ms"] - (last.timings["ttft_ms"] - last.timings["prefill_ms"])) / 1000
    return seconds, max(0, last.usage.completion_tokens - 1), text
