"""Languages whose imports are read, and which of them import from each other."""

from __future__ import annotations

from infill_completion.languages.registry import BY_ID, context_module_of

FAMILIES = frozenset({"python", "script", "java", "go", "rust"})


def languages_read_with(language_id: str) -> frozenset[str]:
    """Return the languages whose imports are in the same table; none for one whose imports are not read."""
    family = context_module_of(language_id)
    return frozenset(other for other in BY_ID if family in FAMILIES and context_module_of(other) == family)
