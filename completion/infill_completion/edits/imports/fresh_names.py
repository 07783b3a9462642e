"""Names that changes have brought into a document."""

from __future__ import annotations

from collections.abc import Iterable

from infill_completion.edits.history import Lines
from infill_completion.edits.tokens import LexemeKind, tokens_of
from infill_completion.edits.words import KEYWORDS


def fresh_names(before: Iterable[Lines], after: Iterable[Lines], language_id: str) -> set[str]:
    """Return the names that stand in changed lines, and in none of those that they replaced.

    Args:
        before: The lines of each change before it.
        after: The lines after it.
        language_id: LSP's language id.
    """
    return _names(after, language_id) - _names(before, language_id) - KEYWORDS


def _names(some: Iterable[Lines], language_id: str) -> set[str]:
    return {
        token.text
        for lines in some
        for token in tokens_of("".join(lines), language_id)
        if token.kind is LexemeKind.NAME
    }
