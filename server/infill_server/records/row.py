"""One suggestion that was shown: how it came about and what became of it, without any text, path or name."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Self, get_type_hints

# Several servers number rows at once: milliseconds since 1970 and so many random bits, 61 in all.
_RANDOM_BITS = 20
_LANGUAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+#_-]{0,39}")
# A hub id, or a tag as Ollama has them; a path has more slashes, or ends like a file.
_MODEL = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[\w.-]{1,95})?(?::[\w.-]{1,40})?", re.ASCII)
_FILE_SUFFIXES = (".gguf", ".safetensors", ".bin", ".pt")


class SuggestionOutcome(StrEnum):
    """What became of a suggestion."""

    ACCEPTED = "accepted"
    PARTLY = "partly"
    UNDONE = "undone"
    TYPED = "typed"
    TYPED_OVER = "typed_over"
    IGNORED = "ignored"

    @property
    def is_taken(self) -> bool:
        """Whether some of it was put into the document, even if it was removed again."""
        return self in {SuggestionOutcome.ACCEPTED, SuggestionOutcome.PARTLY, SuggestionOutcome.UNDONE}


def _new_id() -> int:
    random_bits = int.from_bytes(os.urandom(3)) % (1 << _RANDOM_BITS)
    return time.time_ns() // 1_000_000 << _RANDOM_BITS | random_bits


@dataclass(frozen=True)
class SuggestionRow:
    """One suggestion that was shown.

    Attributes:
        time_s: When it was shown, in whole seconds since 1970.
        language: LSP's language id.
        model: The model; see `model_label`.
        face: ``inline`` or ``popup``.
        trigger: ``automatic`` or ``invoked``.
        source: Where the answer came from; see `answered_by`.
        latency_ms: Milliseconds from the request to the answer.
        mean_logprob: The mean log-probability of its tokens in nats; None if the engine reports none.
        first_logprob: That of its first token; None if it is not known.
        characters: Its length.
        lines: The number of its lines.
        shown_ms: How long it was shown.
        outcome: What became of it.
        taken_characters: How many characters of it were accepted.
        kept_30s: The share of these that was still there 30 seconds later; None if that is not known.
        kept_300s: The same after 5 minutes.
        estimate: The probability that it is right by the show-model as it ships; None if that did not judge it.
        id: A number of its own; later rows mostly have larger ones.
    """

    time_s: int
    language: str
    model: str
    face: str
    trigger: str
    source: str
    latency_ms: float
    mean_logprob: float | None
    first_logprob: float | None
    characters: int
    lines: int
    shown_ms: int = 0
    outcome: SuggestionOutcome = SuggestionOutcome.IGNORED
    taken_characters: int = 0
    kept_30s: float | None = None
    kept_300s: float | None = None
    estimate: float | None = None
    id: int = field(default_factory=_new_id)

    def values(self) -> tuple[Any, ...]:
        """Return the values in the order of the fields, for the database."""
        return tuple(getattr(self, name) for name in FIELDS)

    @classmethod
    def read(cls, values: tuple[Any, ...]) -> Self | None:
        """Return the row with ``values``; None if one of them is none that a server writes."""
        named = dict(zip(FIELDS, values, strict=True))
        if not all(_is_of(named[name], hint) for name, hint in _HINTS.items()) or not 0 <= named["time_s"] < _MOST:
            return None
        try:
            return cls(**{**named, "outcome": SuggestionOutcome(named["outcome"])})
        except ValueError:
            return None


_MOST = 2.0**33  # seconds since 1970: the year 2242
FIELDS = tuple(item.name for item in fields(SuggestionRow))
_HINTS = get_type_hints(SuggestionRow)


def model_label(name: str) -> str:
    """Return a model's name as it may be recorded: a hub id or tag; of a file or folder only a fingerprint."""
    if not name:
        return "unknown"
    if _MODEL.fullmatch(name) and ".." not in name and not name.lower().endswith(_FILE_SUFFIXES):
        return name
    import hashlib

    return f"file {hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def language_label(language_id: str) -> str:
    """Return a language id as it may be recorded; a client may send anything."""
    return language_id if _LANGUAGE.fullmatch(language_id) else "other"


def _is_of(value: object, hint: Any) -> bool:
    """Return whether a value is of a field's type, and no number too large to count or draw."""
    if hint is float or hint == (float | None):
        is_number = isinstance(value, int | float) and abs(value) < _MOST
        return is_number or (value is None and hint is not float)
    if hint is SuggestionOutcome:
        return isinstance(value, str)
    return isinstance(value, hint)
