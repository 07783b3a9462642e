"""A document at the time of a request, and the answer to the request."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Trigger(Enum):
    """The cause of a request."""

    AUTOMATIC = "automatic"
    INVOKED = "invoked"


@dataclass(frozen=True)
class TextEdit:
    """What made an earlier text of a document the present one: one range of it was replaced.

    Attributes:
        former: The earlier text.
        start: Where both texts begin to differ, in code points.
        former_end: Where the range ends in the earlier text.
        end: Where it ends in the present one.
    """

    former: str
    start: int
    former_end: int
    end: int

    def followed_by(self, start: int, former_end: int, end: int) -> TextEdit:
        """Return this edit and one of its result as one, from the first to the last character of both."""
        after = max(former_end - self.end, 0)
        left = max(self.end - former_end, 0)
        return TextEdit(self.former, min(self.start, start), self.former_end + after, end + left)


@dataclass(frozen=True)
class Snapshot:
    """A document as it was when a request arrived; it never changes.

    Attributes:
        uri: The document's URI, or its path on the command line.
        version: The editor's version number of the text.
        language_id: LSP's language id, such as ``python``.
        text: The whole document with its own line ends.
        offset: The cursor, in code points from the start of ``text``.
        trigger: Whether the user invoked the completion or only typed.
        selected: The selected entry of the editor's popup, as ``(start, end, text)`` in offsets of ``text``; a
            suggestion must then replace that range and begin with that text.
        edit: How the text came about from the document's text of an earlier snapshot, if that is known. It spares
            comparing the two.
        typed_s: When the user typed what is at the cursor, in seconds of the monotonic clock; None if that is not
            known, or the cursor has been moved there.
    """

    uri: str
    version: int
    language_id: str
    text: str
    offset: int
    trigger: Trigger = Trigger.AUTOMATIC
    selected: tuple[int, int, str] | None = None
    edit: TextEdit | None = field(default=None, compare=False, repr=False)
    typed_s: float | None = field(default=None, compare=False, repr=False)

    @property
    def prefix(self) -> str:
        """The text before the cursor."""
        return self.text[: self.offset]

    @property
    def suffix(self) -> str:
        """The text after the cursor."""
        return self.text[self.offset :]


class SkipReason(Enum):
    """The reason for no suggestion; the value is the sentence shown to the user."""

    SWITCHED_OFF = "Automatic suggestions are switched off (setting completion.enabled); invoke one by hand."
    SNOOZED = "Automatic suggestions are snoozed (command infill.snooze); invoke one by hand."
    LANGUAGE_OFF = "Completion is switched off for this language (setting completion.languages)."
    PRIVATE_FILE = "This file matches an ignore rule, so its text never reaches the model."
    MID_LINE = "The cursor is inside a word, where suggestions appear only on request; invoke one by hand."
    IN_COMMENT = "Automatic suggestions are off in comments (setting completion.in_comments); invoke one by hand."
    IN_STRING = "Automatic suggestions are off in strings (setting completion.in_strings); invoke one by hand."
    ENGINE_LOADING = "The model is still loading."
    SETTINGS_AWAITED = (
        "Nothing is sent to engine.url before the editor has answered workspace/configuration; if it never does, "
        "let it send its settings in workspace/didChangeConfiguration."
    )
    SETTINGS_UNREADABLE = (
        "Nothing is sent to engine.url before the settings file can be read, since it may name private files; "
        "correct the file."
    )
    ENGINE_FAILED = "The engine is not available; run `infill-ls doctor`."
    SUPERSEDED = "A newer request for the same document replaced this one."
    TOO_SLOW = "The model completed nothing before the deadline (setting completion.deadline_ms)."
    EMPTY = "The model had nothing to add here."
    NEXT_LINE = "The model left this line as it is and would go on below; press Enter for a suggestion there."
    CUT_SHORT = "The model completed nothing within its token limit (setting completion.max_tokens)."
    REASONING = "The model reasons before it answers; choose one that completes code (setting engine.model)."
    FILTERED = "A filter removed what the model wrote."
    LOW_CONFIDENCE = "The model was not sure enough (setting completion.eagerness); invoke a suggestion by hand."
    JUST_DELETED = "This text has just been deleted; type on, or invoke a suggestion by hand."
    BINARY_FILE = "This file does not look like text."


@dataclass(frozen=True)
class Suggestion:
    """Text that replaces ``text[start:end]`` of the snapshot.

    ``start`` and ``end`` are offsets on the cursor's line with ``start <= offset <= end``; ``text`` has the
    document's own line ends.
    """

    text: str
    start: int
    end: int
    confidence: float | None = None


@dataclass(frozen=True)
class Answer:
    """The result of a request: suggestions, best first, or the reason for none.

    ``is_final`` is False if another request may give more later, for example while the model is loading.
    """

    suggestions: tuple[Suggestion, ...] = ()
    reason: SkipReason | None = None
    is_final: bool = True
    details: dict[str, object] = field(default_factory=dict)
