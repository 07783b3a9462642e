"""Completes holes through the whole pipeline, and verifies that answers came."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from infill_completion.api import Engine, EngineState, Health
from infill_completion.client.connect import engine_for
from infill_completion.document.snapshot import Answer, SkipReason, Snapshot, Trigger
from infill_completion.settings import Settings
from infill_completion.suggest.completer import Completer
from infill_server.commands.bench.quality.hole import CodeHole
from infill_server.commands.bench.quality.outcome import Outcome
from infill_server.errors import MeasurementError

LOAD_DEADLINE_S = 600.0
# What the figures must not be made of.
MOST_LATE_SHARE = 0.1
_BROKEN = frozenset({SkipReason.ENGINE_FAILED, SkipReason.ENGINE_LOADING, SkipReason.SETTINGS_AWAITED})

OnOutcome = Callable[[Outcome], None]


@dataclass
class Measured:
    """The outcomes of one run, and what was measured.

    Attributes:
        outcomes: One for each hole.
        subject: Model, quantization, device and fingerprint of the weights, as the engine reports them.
    """

    outcomes: list[Outcome]
    subject: dict[str, Any] = field(default_factory=dict)


async def run(settings: Settings, holes: Sequence[CodeHole], trigger: Trigger = Trigger.INVOKED) -> Measured:
    """Complete each hole once, by default as an invoked request.

    Raises:
        RuntimeError: The engine could not be started; the message is a sentence with the next step.
        MeasurementError: The engine failed at a hole, or the answers did not come.
    """
    async with ready_engine(settings) as (engine, health):
        outcomes = await complete_each(engine, settings, holes, trigger)
        verify(outcomes)
        return Measured(outcomes, subject_of(health))


@contextlib.asynccontextmanager
async def ready_engine(settings: Settings) -> AsyncIterator[tuple[Engine, Health]]:
    """Start the engine of the settings, and close it at the end.

    Raises:
        RuntimeError: It could not be started; the message is a sentence with the next step.
    """
    engine = engine_for(settings)
    try:
        await engine.start()
        health = await engine.wait_ready(LOAD_DEADLINE_S)
        if health.state is not EngineState.READY:
            raise RuntimeError(health.reason)
        yield engine, health
    finally:
        await engine.aclose()


async def complete_each(
    engine: Engine, settings: Settings, holes: Sequence[CodeHole], trigger: Trigger = Trigger.INVOKED,
    on_outcome: OnOutcome = lambda _outcome: None,
) -> list[Outcome]:  # fmt: skip
    """Complete each hole once; ``on_outcome`` gets each outcome as soon as it is there.

    Raises:
        MeasurementError: The engine failed at a hole.
    """
    outcomes = []
    for number, hole in enumerate(holes):
        # A new one each time: it must not remember earlier holes.  Steady: answers are the same each time.
        completer = Completer(engine, settings, is_steady=True)
        try:
            outcomes.append(await complete(completer, hole, number, trigger))
        finally:
            await completer.aclose()
        on_outcome(outcomes[-1])
    return outcomes


async def complete(completer: Completer, hole: CodeHole, number: int, trigger: Trigger) -> Outcome:
    """Complete one hole; ``number`` tells it from others in the same file.

    Raises:
        MeasurementError: The engine failed.
    """
    text, offset = hole.prefix + hole.suffix, len(hole.prefix)
    uri = f"{hole.path.as_uri()}#{number}"
    started = time.perf_counter()
    answer = await completer.complete(Snapshot(uri, 1, hole.language_id, text, offset, trigger))
    elapsed_ms = (time.perf_counter() - started) * 1000
    refuse_failure(answer)
    best = answer.suggestions[0] if answer.suggestions else None
    shown = best.text[offset - best.start :] if best else None
    confidence = (best.confidence or 0.0) if best else 0.0
    return Outcome(hole, shown, confidence, elapsed_ms, answer.reason, _is_asked(answer))


def refuse_failure(answer: Answer) -> None:
    """Let an answer pass that is one.

    Raises:
        MeasurementError: The engine failed.
    """
    if answer.reason in _BROKEN:
        raise MeasurementError(str(answer.details.get("message") or answer.reason.value))


def verify(outcomes: Sequence[Outcome]) -> None:
    """Verify that the figures are about answers of the engine.

    Raises:
        MeasurementError: There are no holes, none reached the engine, none got a suggestion, or many answers came too
            late.
    """
    if not outcomes:
        raise MeasurementError("There are no holes to complete; name a folder with more source files.")
    reasons = Counter(outcome.reason for outcome in outcomes if outcome.reason is not None)
    usual = reasons.most_common(1)[0][0] if reasons else None
    why = f" ({usual.value.rstrip('.')})" if usual is not None else ""
    if not any(outcome.is_asked for outcome in outcomes):
        raise MeasurementError(f"None of {len(outcomes)} holes reached the engine{why}; run `infill-ls doctor`.")
    if all(outcome.text is None for outcome in outcomes):
        raise MeasurementError(f"None of {len(outcomes)} holes got a suggestion{why}; run `infill-ls doctor`.")
    late = reasons[SkipReason.TOO_SLOW]
    if late > MOST_LATE_SHARE * len(outcomes):
        raise MeasurementError(
            f"{late} of {len(outcomes)} answers came after the deadline; raise completion.deadline_ms or free the "
            "machine."
        )


def subject_of(health: Health) -> dict[str, Any]:
    """Return what an engine says about its model; a remote one says little."""
    wanted = ("quantization", "sha256", "layout", "context_tokens", "kv_bits")
    known = {name: health.details[name] for name in wanted if health.details.get(name) is not None}
    return {"model": health.model, "device": health.device, "engine_version": health.version} | known


def _is_asked(answer: Answer) -> bool:
    steps = answer.details.get("steps")
    return isinstance(steps, list) and any(step[0] == "asked" for step in steps)
