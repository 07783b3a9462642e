"""Accepted text in a document, followed through later edits to see what is kept of it."""

from __future__ import annotations

import re

from infill_server.lsp.replacement import Location, Replacement, advanced

_TOKEN = re.compile(r"\w+|[^\w\s]")
# Longer texts are compared by whole lines, which takes linear time.
_MAX_COMPARED = 2000


class TakenText:
    """Where accepted text is.

    The client reports acceptance before the edit or after it, so that the text may still have to come.

    Attributes:
        text: The accepted text.
        start: Where it begins.
        end: Where it ends, or what has become of it.
        is_in_place: Whether the document has it, or had it.
    """

    def __init__(self, start: Location, text: str) -> None:
        self.start, self.text = start, text
        self.end = advanced(start, text)
        self.is_in_place = False

    def append(self, part: str) -> None:
        """Add a part that was accepted after it."""
        self.text, self.end = self.text + part, advanced(self.end, part)

    def edit(self, edit: Replacement) -> None:
        """Move with an edit of the document."""
        edit = edit.trimmed()
        end = edit.moved(self.end, with_text=edit.start < self.end)  # What is typed on at its end is not part of it.
        self.start = edit.moved(self.start, with_text=not edit.removed)
        self.end = max(end, self.start)


def kept_share(text: str, now: str) -> float:
    """Return the share of the characters of ``text``, blanks left out, that are still in ``now``, in their order."""
    if not text.strip() or text in now:
        return 1.0
    if len(text) + len(now) > _MAX_COMPARED:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        present = {line.strip() for line in now.splitlines()}
        return sum(len(line) for line in lines if line in present) / sum(map(len, lines))
    tokens, others = _TOKEN.findall(text), _TOKEN.findall(now)
    if not tokens:
        return 0.0
    from difflib import SequenceMatcher

    blocks = SequenceMatcher(None, tokens, others, autojunk=False).get_matching_blocks()
    kept = sum(len(token) for block in blocks for token in tokens[block.a : block.a + block.size])
    return kept / sum(map(len, tokens))
