"""A hole: a cursor in a file whose text after the cursor was partly removed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from infill_completion.languages.registry import language_id_of


class HoleKind(StrEnum):
    """What was removed."""

    REST = "rest"
    """The rest of a line, from any column."""
    LINE = "line"
    """A whole line after its indentation."""
    BLOCK = "block"
    """The body of a block, from the indentation of its first line to its last line."""


@dataclass(frozen=True)
class CodeHole:
    """A cursor in a file; ``expected`` was removed from between ``prefix`` and ``suffix``.

    Attributes:
        path: The file, which need not exist.
        prefix: The text before the cursor; all text has LF line ends.
        expected: The removed text, without the line end after it.
        suffix: The text after it.
        kind: What was removed.
        language: LSP's language id; if empty, that of the file's name.
        commit: The commit that added the text; empty if it comes from no history.
    """

    path: Path
    prefix: str
    expected: str
    suffix: str
    kind: HoleKind = HoleKind.REST
    language: str = ""
    commit: str = ""

    @property
    def language_id(self) -> str:
        """LSP's language id."""
        return self.language or language_id_of(self.path.name)

    @property
    def is_in_word(self) -> bool:
        """Whether the cursor is inside an identifier or a number; otherwise it is at the border of a token."""
        return _is_of_word(self.prefix[-1:]) and _is_of_word(self.expected[:1])

    @property
    def wanted(self) -> str:
        """The removed text without blanks at its end."""
        return self.expected.rstrip()


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_"
