"""A user who types in `CODE`, and what the user sees."""

from __future__ import annotations

from infill_completion.document.snapshot import Answer
from infill_completion.settings import CompletionSettings, Settings
from tests.suggest.scripted import ScriptedEngine

# No debounce, and one that never ends.
AT_ONCE = Settings(completion=CompletionSettings(debounce_ms=0))
NEVER = Settings(completion=CompletionSettings(debounce_ms=3_600_000))
CODE = "def add(a, b):\n    return |\n\n\nprint(add(1, 2))\n"


def typed(text: str, marked: str = CODE) -> str:
    """Return ``marked`` after ``text`` was typed at its cursor."""
    return marked.replace("|", text + "|")


def shown(answer: Answer) -> str:
    """Return the suggestion that the user sees first."""
    return answer.suggestions[0].text


def count_requests(engine: ScriptedEngine) -> int:
    """Return how many requests were made that the user waits for; those computed ahead do not count."""
    return len([request for request in engine.requests if "a + b" not in request.prefix])
