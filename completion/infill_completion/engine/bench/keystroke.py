"""The time to the first token of a fresh prompt, and behind a typed character."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

from infill_completion.api import CompletionRequest
from infill_completion.engine.bench.measure import endless, ours_per_second, request_of, run
from infill_completion.engine.bench.models import Subject

TYPED = "result = self._values[index]"
_LINES, _DECODED = 3, 32


@dataclass(frozen=True)
class Keystroke:
    """Time to the first token, milliseconds.

    Attributes:
        prompt_tokens: Length of the prompt.
        fresh_ms: Nothing of the prompt is in the cache.
        typed_ms: One character was typed since the last prompt; the median over lines of typing.
        typed_worst_ms: The worst of them.
        computed_tokens: Tokens that a typed character left to compute, median.
        step_ms: A decode step at that length, to compare: the median of runs between the lines, for what the rest of
            the machine does changes within minutes.
    """

    prompt_tokens: int
    fresh_ms: float
    typed_ms: float
    typed_worst_ms: float
    computed_tokens: float
    step_ms: float


def keystroke(subject: Subject, context_tokens: int) -> Keystroke:
    """Measure a fresh prompt, and lines that are typed into one."""
    generator, bare = subject.generator, endless(subject.generator, shipped=False)
    fresh = []
    for attempt in range(4):  # each from other code; the first also allocates
        last = run(generator, request_of(generator, context_tokens, 1, skip_lines=100 + 300 * attempt))
        fresh.append(last.timings["ttft_ms"])
    request, decoded = (request_of(generator, context_tokens, tokens) for tokens in (1, _DECODED))
    run(generator, request)
    run(bare, decoded)
    typed, computed, steps, length = [], [], [], 0
    for _ in range(_LINES):
        for end in range(1, len(TYPED) + 1):
            last = run(generator, _typed(request, TYPED[:end]))
            assert last.usage is not None
            typed.append(last.timings["ttft_ms"])
            computed.append(last.usage.prompt_tokens - last.usage.cached_tokens)
            length = last.usage.prompt_tokens
        steps += [1000 / ours_per_second(bare, decoded) for _ in range(_LINES)]
    return Keystroke(
        prompt_tokens=length,
        fresh_ms=statistics.median(fresh[1:]),
        typed_ms=statistics.median(typed),
        typed_worst_ms=max(typed),
        computed_tokens=statistics.median(computed),
        step_ms=statistics.median(steps),
    )


def _typed(request: CompletionRequest, text: str) -> CompletionRequest:
    return replace(request, prefix=f"{request.prefix}    {text}")
