"""Time to the first token: of a fresh prompt, and after a typed character."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

from infill_completion.api import CompletionRequest
from infill_completion.engine.bench.subject import Subject
from infill_completion.engine.bench.workload import endless, ours_per_second, request_of, run

TYPED = "result = self._values[index]"
_LINES, _DECODED = 3, 32


@dataclass(frozen=True)
class KeystrokeTimes:
    """Times to the first token, in milliseconds.

    Attributes:
        prompt_tokens: Length of the prompt.
        fresh_ms: With none of the prompt in the cache.
        typed_ms: With one character typed since the last prompt; median over lines of typing.
        typed_worst_ms: The worst of them.
        computed_tokens: Tokens to compute after a typed character, median.
        step_ms: A decode step at that length, for comparison; median of runs between the lines, since the load of the
            machine changes within minutes.
    """

    prompt_tokens: int
    fresh_ms: float
    typed_ms: float
    typed_worst_ms: float
    computed_tokens: float
    step_ms: float


def keystroke(subject: Subject, context_tokens: int) -> KeystrokeTimes:
    """Measure fresh prompts, and lines of typing in one prompt."""
    generator, loop = subject.generator, endless(subject.generator, shipped=False)
    fresh = []
    for attempt in range(4):  # each with other code; the first one also allocates memory
        last = run(generator, request_of(generator, context_tokens, 1, skip_lines=100 + 300 * attempt))
        fresh.append(last.timings["ttft_ms"])
    request, decoded = (request_of(generator, context_tokens, tokens) for tokens in (1, _DECODED))
    run(generator, request)
    run(loop, decoded)
    typed, computed, steps, length = [], [], [], 0
    for _ in range(_LINES):
        for end in range(1, len(TYPED) + 1):
            last = run(generator, _typed(request, TYPED[:end]))
            assert last.usage is not None
            typed.append(last.timings["ttft_ms"])
            computed.append(last.usage.prompt_tokens - last.usage.cached_tokens)
            length = last.usage.prompt_tokens
        steps += [1000 / ours_per_second(loop, decoded) for _ in range(_LINES)]
    return KeystrokeTimes(
        prompt_tokens=length,
        fresh_ms=statistics.median(fresh[1:]),
        typed_ms=statistics.median(typed),
        typed_worst_ms=max(typed),
        computed_tokens=statistics.median(computed),
        step_ms=statistics.median(steps),
    )


def _typed(request: CompletionRequest, text: str) -> CompletionRequest:
    return replace(request, prefix=f"{request.prefix}    {text}")
