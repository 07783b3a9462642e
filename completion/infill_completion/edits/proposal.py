"""A proposed edit, and the reasons for none."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from infill_completion.document.lines import line_end, line_start

# A range and the text that takes its place.
Place = tuple[int, int, str]


class EditKind(Enum):
    """What led to a proposal."""

    RENAME = "rename"
    EXAMPLE = "example"
    TWO_EXAMPLES = "two examples"
    PARAMETER = "parameter"
    AWAIT = "await"
    FIELD = "field"
    BRANCH = "branch"
    IMPORT = "import"
    UNUSED_IMPORT = "unused import"
    MODEL = "model"


class Silence(Enum):
    """The reason for no proposal, in a sentence; no editor shows it, since most keys have one."""

    OFF = "Next edits are switched off (setting edits.enabled)."
    SWITCHED_OFF = "Automatic suggestions are switched off (setting completion.enabled)."
    SNOOZED = "Automatic suggestions are snoozed (command infill.snooze)."
    LANGUAGE_OFF = "Completion is switched off for this language (setting completion.languages)."
    BINARY_FILE = "This file does not look like text."
    MASKED = "The last change has a key or a password in it, which is no example."
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
        likeness: How much the place is like that of the example, from 0 to 1; None if that was not asked for.
    """

    start: int
    end: int
    text: str
    kind: EditKind
    likeness: float | None = field(default=None, compare=False)


# Kinds that change one thing in many places; the others are proposed one after the other.
_TOGETHER = frozenset({EditKind.RENAME, EditKind.PARAMETER, EditKind.AWAIT})


@dataclass(frozen=True)
class EditRequest:
    """A document at the time of a request for next edits.

    Attributes:
        uri: The document.
        version: The editor's version number.
        language_id: LSP's language id.
        text: The whole text with its own line ends.
        offset: The cursor.
        path: The file from the workspace's folder, with slashes and one at the beginning.
    """

    uri: str
    version: int
    language_id: str
    text: str
    offset: int
    path: str = ""


@dataclass(frozen=True)
class NextEditsAnswer:
    """Proposals, the nearest to the cursor first, or the reason for none.

    Attributes:
        proposals: The proposals; they do not overlap.
        silence: Why there is none.
    """

    proposals: tuple[Proposal, ...] = ()
    silence: Silence | None = None

    @property
    def shown(self) -> tuple[Proposal, ...]:
        """The proposals that the user sees at once: those that belong together, or else the first one."""
        first = self.proposals[:1]
        return self.proposals if first and first[0].kind in _TOGETHER else first


def lines_of(text: str, proposal: Proposal) -> tuple[str, str]:
    """Return the whole lines that a proposal changes, before and after."""
    start, end = line_start(text, proposal.start), line_end(text, proposal.end)
    return text[start:end], text[start : proposal.start] + proposal.text + text[proposal.end : end]


def apart(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Return the proposals that overlap no shorter one, as the call in an argument of another one is shorter."""
    kept: list[Proposal] = []
    spans: list[tuple[int, int]] = []  # of those kept, in the order of the text
    for new in sorted(proposals, key=lambda proposal: proposal.end - proposal.start):
        span = new.start, new.end
        at = bisect_left(spans, span)
        beside = spans[max(0, at - 1) : at + 1]  # no other can overlap it, since they do not overlap one another
        if all((span[1] <= low or span[0] >= high) and span != (low, high) for low, high in beside):
            kept.append(new)
            spans.insert(at, span)
    return kept
