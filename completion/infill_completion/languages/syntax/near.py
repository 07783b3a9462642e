"""How much of a document is parsed: what lies near the cursor, from a line that probably begins something."""

from __future__ import annotations

import re

# Characters before and behind the cursor. A parser reads some thousands of them in a millisecond.
BEFORE = 6000
BEHIND = 2000
# A line that can hardly stand in a comment or in a string of several lines.
_DEFINITION = re.compile(
    r"^[ \t]*(?:(?:export|default|pub(?:\(\w+\))?|async|public|private|protected|static|abstract|final|inline) +)*"
    r"(?:(?:def|func|fn|function|void) +\(?\w[^\n]*\(|(?:class|struct|interface|enum|impl|trait)\b[^\n]*[:{]$"
    r"|@\w+[^.\s]*$|#include )",
    re.MULTILINE,
)


def near_before(prefix: str, *, is_whole: bool) -> str | None:
    """Return the end of ``prefix`` from a place where a parser can begin.

    Args:
        prefix: The text before the cursor.
        is_whole: Whether it begins where the document does. Elsewhere it might begin in the middle of a string.

    Returns:
        The text from a definition on, or from the document's start; None where there is no definition in sight.
    """
    if is_whole and len(prefix) <= BEFORE:
        return prefix
    match = _DEFINITION.search(prefix, max(prefix.find("\n", max(len(prefix) - BEFORE, 0)), 0))
    return prefix[match.start() :] if match else None


def near_behind(suffix: str) -> str:
    """Return the beginning of ``suffix``, up to a line's end."""
    end = suffix.rfind("\n", 0, BEHIND) if len(suffix) > BEHIND else len(suffix)
    return suffix[:end] if end > 0 else suffix[:BEHIND]
