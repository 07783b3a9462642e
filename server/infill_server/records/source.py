"""Where an answer came from."""

from __future__ import annotations

from infill_completion.document.snapshot import Answer, SkipReason


def answered_by(answer: Answer) -> str:
    """Return where an answer came from.

    Returns:
        ``memory``, ``joined`` (a running generation), ``engine``, ``unavailable`` (no engine) or ``nothing``.
    """
    if answer.reason in {SkipReason.ENGINE_FAILED, SkipReason.ENGINE_LOADING}:
        return "unavailable"
    if "reuse" in answer.details:
        return "memory"
    steps = answer.details.get("steps")
    names = {step[0] for step in steps} if isinstance(steps, list) else set()
    return "engine" if names & {"asked", "anticipated"} else "joined" if "joined" in names else "nothing"
