"""The state of a document at the moment of a request, and what we offer for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Trigger(Enum):
    """Why a completion was asked for."""

    AUTOMATIC = "automatic"
    INVOKED = "invoked"


@dataclass(frozen=True)
class Snapshot:
    """A document as it was when a request came in; never changes afterwards.

    Attributes:
        uri: The document's URI, or its path on the command line.
        version: The editor's version number of the text.
        language_id: LSP's language id, such as ``python``.
        text: The whole document with its own line ends.
        offset: The cursor, in code points from the start of ``text``.
        trigger: Whether the user asked or merely typed.
        selected: The popup entry the editor has selected, as ``(start, end, text)`` in offsets of ``text``; a
            suggestion must then replace that range and begin with that text.
    """

    uri: str
    version: int
    language_id: str
    text: str
    offset: int
    trigger: Trigger = Trigger.AUTOMATIC
    selected: tuple[int, int, str] | None = None

    @property
    def prefix(self) -> str:
        """The text before the cursor."""
        return self.text[: self.offset]

    @property
    def suffix(self) -> str:
        """The text behind the cursor."""
        return self.text[self.offset :]


class SkipReason(Enum):
    """Why there is no suggestion; the value is the sentence shown to the user."""

    SWITCHED_OFF = "Automatic suggestions are switched off (setting completion.enabled); invoke one by hand."
    LANGUAGE_OFF = "Completion is switched off for this language (setting completion.languages)."
    PRIVATE_FILE = "This file matches an ignore rule, so its text never reaches the model."
    MID_LINE = "The cursor is inside a word, where nothing is suggested unasked; invoke a suggestion by hand."
    ENGINE_LOADING = "The model is still loading."
    ENGINE_FAILED = "The engine is not available; run `infill-ls doctor`."
    SUPERSEDED = "A newer request for the same document replaced this one."
    CANCELLED = "The editor withdrew the request."
    TOO_SLOW = "The model wrote nothing whole before the deadline (setting completion.deadline_ms)."
    EMPTY = "The model had nothing to add here."
    CUT_SHORT = "The model wrote nothing whole within its tokens (setting completion.max_tokens)."
    FILTERED = "A filter removed what the model wrote."
    LOW_CONFIDENCE = "The model was not sure enough (setting completion.min_confidence); invoke a suggestion by hand."
    BINARY_FILE = "This file does not look like text."


@dataclass(frozen=True)
class Suggestion:
    """Text to put in place of ``text[start:end]`` of the snapshot.

    ``start`` and ``end`` are offsets on the cursor's line with ``start <= offset <= end``; ``text`` has the
    document's own line ends.
    """

    text: str
    start: int
    end: int
    confidence: float | None = None


@dataclass(frozen=True)
class Answer:
    """What came of a request: suggestions, best first, or the reason why there are none.

    ``is_final`` is false where asking again later may give more (the model is loading, for one).
    """

    suggestions: tuple[Suggestion, ...] = ()
    reason: SkipReason | None = None
    is_final: bool = True
    details: dict[str, object] = field(default_factory=dict)
