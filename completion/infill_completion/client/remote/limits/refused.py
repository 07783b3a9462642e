"""The optional fields that one server refuses or ignores, learnt from its answers one by one.

Servers that speak OpenAI's protocol leave out different parts of it, say so with different statuses, and often name the
field.  A refused field is omitted from then on, so that each costs one refusal, not one per keystroke.
"""

from __future__ import annotations

import re
from typing import Any

from infill_completion.client.remote.limits.refusal_text import refusal_text

# OpenAI's limit, which many servers share.
_MAX_STOPS = 4
# In the order in which servers tend to lack them.
_OPTIONAL = (
    "stream_options",
    "skip_special_tokens",
    "logprobs",
    "n",
    "seed",
    "suffix",
    "top_p",
    "temperature",
    "cache_prompt",
    "input_extra",
    "keep_alive",
)
_RENAMED = ("max_tokens", "max_completion_tokens")
# Other words for the same field.
_SYNONYMS = {
    "stop": r"stop(s|_sequences?|_words?|_strings?)?",
    "logprobs": r"log_?probs|log probabilit(y|ies)",
    "n": r"n|best_of|n_cmpl|num(ber)?(_| of )(choices|completions|sequences)|multiple (choices|completions)",
    "max_tokens": r"max_(new_)?tokens",
    "suffix": r"suffix|insertion",
}
_UNKNOWN = re.compile(
    r"not (supported|allowed|permitted|implemented)|un(supported|known|recognized|expected)|invalid|extra", re.I
)
# Without it, the answer comes as a whole, so it is given up only where a refusal is about nothing else.
_STREAM = re.compile(r"(?<![\w-])stream(ing)?(?![\w-])", re.I)
_MAY_NAME_FIELDS = frozenset({200, 400, 405, 409, 415, 422, 500, 501})
_INTERNAL_ERROR = 500  # its sentence may be about anything
_MAY_SUSPECT = frozenset({400, 422, 501})


class RefusedFields:
    """Remembers which fields of a request one server does not take."""

    def __init__(self) -> None:
        self._fields: set[str] = set()
        self._suspects: frozenset[str] = frozenset()
        self._most_stops: int | None = None
        self._most_tokens: int | None = None
        self._has_new_name = False

    def __contains__(self, field: str) -> bool:
        return field in self._fields

    def ignored(self, field: str) -> None:
        """Record that the server takes ``field`` but does not heed it."""
        self._fields.add(field)

    def lessons(self) -> dict[str, Any]:
        """Return what is known now, for :meth:`unlearn`."""
        return {**vars(self), "_fields": set(self._fields)}

    def unlearn(self, lessons: dict[str, Any]) -> None:
        """Return to former lessons: a request that failed after all was not refused for its fields."""
        vars(self).update(lessons)

    def without(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return ``body`` as the server takes it."""
        kept = {name: value for name, value in body.items() if name not in self._fields}
        if self._most_stops is not None and "stop" in kept:
            kept["stop"] = kept["stop"][: self._most_stops]
        if self._most_tokens is not None and "max_tokens" in kept:
            kept["max_tokens"] = min(kept["max_tokens"], self._most_tokens)
        if self._has_new_name and _RENAMED[0] in kept:
            kept[_RENAMED[1]] = kept.pop(_RENAMED[0])
        return kept

    def learn(self, status: int, answer: bytes, body: dict[str, Any]) -> bool:
        """Learn from a refusal, and return whether the request may succeed without what was refused.

        A refusal that names nothing makes all optional fields suspects, once; if the request is refused without them
        too, they were not the reason.

        Args:
            status: The HTTP status.
            answer: The refusal.
            body: The request as it was sent.
        """
        text = refusal_text(answer)
        if status in _MAY_NAME_FIELDS and (status != _INTERNAL_ERROR or _UNKNOWN.search(text)):
            named = [self._name(field, text, body) for field in (*_OPTIONAL, "stop", *_RENAMED)]
            if any(named):  # a server may name several
                return True
            if "stream" in body and _STREAM.search(text) and _UNKNOWN.search(text):
                self._fields |= {"stream", "stream_options"}
                return True
        if self._suspects:
            self._fields -= self._suspects
            self._suspects, self._most_stops = frozenset(), None
            return False
        return status in _MAY_SUSPECT and self._suspect(body)

    def accepted(self) -> None:
        """Record that a request was accepted: what is omitted now was rightly suspected."""
        self._suspects = frozenset()

    def _suspect(self, body: dict[str, Any]) -> bool:
        suspects = frozenset(name for name in _OPTIONAL if name in body and not _is_harmless(name, body[name]))
        too_many = len(body.get("stop") or ()) > _MAX_STOPS
        if too_many:
            self._most_stops = _MAX_STOPS
        self._suspects, self._fields = suspects, self._fields | suspects
        return bool(suspects) or too_many

    def _name(self, field: str, text: str, body: dict[str, Any]) -> bool:
        """Return whether ``text`` names ``field``, and another value or none may be accepted."""
        pattern = rf"(?<![\w-])({_SYNONYMS.get(field, re.escape(field))})(?![\w-])"
        found = re.search(pattern, text, re.IGNORECASE)
        if field not in body or found is None:
            return False
        if field == "stop":
            return self._fewer_stops(text, len(body["stop"]))
        if field in _RENAMED:
            return self._fewer_tokens(text, body[field])
        self._fields.add(field)
        return True

    def _fewer_stops(self, text: str, sent: int) -> bool:
        most = min((int(number) for number in re.findall(r"\b\d\b", text) if 0 < int(number) < sent), default=None)
        if most is None and sent > _MAX_STOPS and not _UNKNOWN.search(text):
            most = _MAX_STOPS
        if most is None:
            self._fields.add("stop")
        self._most_stops = most
        return True

    def _fewer_tokens(self, text: str, sent: int) -> bool:
        if _RENAMED[1] in text and not self._has_new_name:
            self._has_new_name = True
            return True
        most = max((int(number) for number in re.findall(r"\b\d{1,6}\b", text) if 0 < int(number) < sent), default=None)
        self._most_tokens = most if most is not None else self._most_tokens
        return most is not None


def _is_harmless(field: str, value: object) -> bool:
    """Return whether a value is the same as leaving the field out, so that it cannot be the reason for a refusal."""
    return field == "n" and value == 1
