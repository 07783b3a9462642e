"""What was suggested at a hole, compared with what stood there."""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass

from infill_completion.document.snapshot import SkipReason
from infill_server.commands.bench.quality.hole import CodeHole, HoleKind


@dataclass(frozen=True)
class Outcome:
    """The suggestion at a hole.

    Attributes:
        hole: The hole.
        text: The suggestion after the cursor; None if there was none.
        confidence: The mean token probability of the suggestion.
        elapsed_ms: From the request to the answer.
        reason: Why there was no suggestion.
        is_asked: Whether the engine was asked.
    """

    hole: CodeHole
    text: str | None
    confidence: float
    elapsed_ms: float
    reason: SkipReason | None = None
    is_asked: bool = True

    @property
    def first_line(self) -> str:
        """The part of the suggestion on the cursor's line."""
        return (self.text or "").split("\n")[0].rstrip()

    @property
    def compared(self) -> str:
        """The part of the suggestion that counts, without blanks at the ends of its lines.

        A suggestion for one line may continue below it, so only its first line counts there.
        """
        return _stripped(self.text or "") if self.hole.kind is HoleKind.BLOCK else self.first_line

    @property
    def is_exact(self) -> bool:
        """Whether exactly the removed text was suggested, apart from blanks at the ends of lines."""
        return self.text is not None and self.compared == _stripped(self.hole.expected)

    @property
    def has_first_line(self) -> bool:
        """Whether the first line is exact."""
        return self.text is not None and self.first_line == self.hole.expected.split("\n")[0].rstrip()

    @property
    def saved_chars(self) -> int:
        """The characters that the suggestion spares at this place if it is exact; accepting it costs one key."""
        return len(self.hole.wanted) - 1 if self.is_exact else 0

    @property
    def similarity(self) -> float:
        """Edit similarity to the removed text, 0 to 1 (``difflib``'s ratio)."""
        return difflib.SequenceMatcher(None, self.compared, _stripped(self.hole.expected), autojunk=False).ratio()

    @property
    def parses(self) -> bool | None:
        """Whether a Python file is valid with the suggestion; None for other languages or without a suggestion."""
        if self.text is None or self.hole.language_id != "python":
            return None
        try:
            ast.parse(self.hole.prefix + self.text + self.hole.suffix)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        return True


def _stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip().split("\n"))
