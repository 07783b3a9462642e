"""How long an engine works on after a request is cancelled."""

from __future__ import annotations

import time
from dataclasses import dataclass

from infill_completion.api import Chunk, CompletionRequest, FinishReason
from infill_completion.engine.bench.subject import Subject
from infill_completion.engine.bench.workload import endless, request_of, run
from infill_completion.engine.decoding.generator import Generator


@dataclass(frozen=True)
class Cancel:
    """Milliseconds from the cancellation of a request to the end of the work on it, worst of several tries."""

    decode_ms: float
    prefill_ms: float


def cancel(subject: Subject, context_tokens: int) -> Cancel:
    """Measure how long the work on a cancelled request goes on, in the prefill and in the decode."""
    generator = endless(subject.generator, shipped=True)
    request = request_of(generator, context_tokens, 256, skip_lines=50)
    whole = run(generator, request).timings
    prefill_s, decode_s = whole["prefill_ms"] / 1000, whole["decode_ms"] / 1000
    decode, prefill = [], []
    for attempt in range(5):
        skipped = 1500 + 200 * attempt
        prefill.append(_after(generator, request_of(generator, context_tokens, 8, skip_lines=skipped), prefill_s / 2))
        decode.append(_after(generator, request, decode_s * (0.3 + 0.05 * attempt)))
    return Cancel(decode_ms=max(decode), prefill_ms=max(prefill))


def _after(generator: Generator, request: CompletionRequest, delay_s: float) -> float:
    """Cancel a request after a while; return the milliseconds for which it went on, or 0 if it had ended before."""
    at = time.perf_counter() + delay_s
    last = Chunk()
    for chunk in generator.stream(request, lambda: time.perf_counter() >= at):
        last = chunk
    return (time.perf_counter() - at) * 1000 if last.finish_reason is FinishReason.CANCELLED else 0.0
