"""One way to write a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infill_completion.privacy.secrets.placeholders import is_placeholder


@dataclass(frozen=True)
class Notation:
    """A way to write a secret.

    Attributes:
        kind: What is found.
        hints: A text that contains none of these, in lower case, is not searched.
        pattern: The notation. The secret is the group ``secret``, or the whole match without one.
        accepts: Returns whether a match that is not a placeholder is a secret; None if every match is one.
        spans_lines: Whether a match, or what must precede or follow it, may reach beyond its line.
    """

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    accepts: Callable[[str], bool] | None = None
    spans_lines: bool = False

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of each secret in ``text``, whether or not it has a hint."""
        group = "secret" if "secret" in self.pattern.groupindex else 0
        for match in self.pattern.finditer(text):
            secret = match[group]
            if self.accepts is None or (not is_placeholder(secret) and self.accepts(secret)):
                yield match.span(group)
