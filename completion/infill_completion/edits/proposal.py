"""A proposed edit, and the reasons for none."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class EditKind(Enum):
    """What led to a proposal."""

    RENAME = "rename"
    EXAMPLE = "example"
    TWO_EXAMPLES = "two examples"
    PARAMETER = "parameter"
    AWAIT = "await"
    IMPORT = "import"
    UNUSED_IMPORT = "unused import"


class Silence(Enum):
    """The reason for no proposal; the value is a sentence for the user."""

    OFF = "Next edits are switched off (setting edits.enabled)."
    PRIVATE_FILE = "This file matches an ignore rule, so its edits are not read."
    NO_EDIT = "Nothing has been changed yet that could be done elsewhere."
    UNDONE = "The last change took something back."
    TOO_LARGE = "The document or the last change is too large."
    BROKEN = "The document has a syntax error where it was changed."
    TYPING = "New code is being written, which is no example."
    NOTHING_LIKE_IT = "No other place is like the one that was changed."
    REJECTED = "The same proposals were rejected or undone before."
    WOULD_BREAK = "The change would be a syntax error elsewhere."
    SUPERSEDED = "The document has changed since."


@dataclass(frozen=True)
class Proposal:
    """A replacement in a document.

    Attributes:
        start: Where it begins, as an offset in code points.
        end: Where it ends.
        text: What takes its place, with the document's own line ends.
        kind: What led to it.
    """

    start: int
    end: int
    text: str
    kind: EditKind


@dataclass(frozen=True)
class EditRequest:
    """A document at the time of a request for next edits.

    Attributes:
        uri: The document.
        version: The editor's version number.
        language_id: LSP's language id.
        text: The whole text with its own line ends.
        offset: The cursor.
    """

    uri: str
    version: int
    language_id: str
    text: str
    offset: int


@dataclass(frozen=True)
class NextEditsAnswer:
    """Proposals, the nearest to the cursor first, or the reason for none.

    Attributes:
        proposals: The proposals; they do not overlap.
        silence: Why there is none.
        details: The pattern and the example, for an explanation.
    """

    proposals: tuple[Proposal, ...] = ()
    silence: Silence | None = None
    details: dict[str, object] = field(default_factory=dict)
