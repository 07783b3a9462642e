"""What a model writes before its answer: its reasoning, words to the user with a fence, the code it was given."""

from __future__ import annotations

import re
from functools import cached_property

from infill_completion.document.window import Window
from infill_completion.suggest.filters import FilterContext
from infill_completion.suggest.filters.chat import LEAD, after_line, is_code
from infill_completion.suggest.filters.repetition import DEFINITION

_OPENING = re.compile(r"\s*(?:<(think|thinking|thought|reasoning)>|(\[THINK\])|(◁think▷))")
_CLOSING = re.compile(r"</(?:think|thinking|thought|reasoning)>|\[/THINK\]|◁/think▷")
_MARKS = ("<think", "</think", "[THINK]", "◁think▷")
_BLANK_LINES = re.compile(r"(?:[ \t]*\n)+")
# The line that opens a fence, and what may still become one.
_FENCE = re.compile(r"\s*(?:```+|~~~+)[\w+#.-]*[ \t]*\n")
_FENCE_BEGUN = re.compile(r"\s*(?:`*|~*|(?:```+|~~~+)[\w+#.-]*)[ \t]*")
# Reasoning without an opening mark is recognised up to this length.
_MAX_UNOPENED = 400
# A head is looked for among so many lines above the cursor.
_MAX_ABOVE = 60


def is_reasoning(text: str) -> bool:
    """Return whether ``text`` begins to reason and has not ended."""
    return _OPENING.match(text) is not None and _CLOSING.search(text) is None


class Preamble:
    """Finds where the answer begins in what a model writes at one cursor.

    Args:
        window: The text around the cursor.
        language_id: LSP's language id.
    """

    def __init__(self, window: Window, language_id: str) -> None:
        self._window = window
        self._context = FilterContext(window, language_id)
        self._may_reason = not any(mark in window.prefix or mark in window.suffix for mark in _MARKS)

    def answer(self, text: str, *, is_body: bool) -> str:
        """Return what follows the preamble of ``text``; empty while that may still go on.

        Args:
            text: What the model has written so far.
            is_body: Whether the answer begins on the line after the cursor's.
        """
        if self._may_reason:
            text = _without_reasoning(text, is_body)
        if not text.strip():
            return text
        return self._without_words(self._without_copy(text))

    @cached_property
    def _is_code(self) -> bool:
        return is_code(self._context)

    @cached_property
    def _above(self) -> list[str]:
        return [line.strip() for line in self._window.above.split("\n")[-_MAX_ABOVE:] if line.strip()]

    def _without_words(self, text: str) -> str:
        """Drop words to the user if a fence follows; words alone are left to the filters."""
        lead = LEAD.match(text.lstrip())
        if lead is None or not self._is_code:
            return text
        following = text.lstrip()[lead.end() :]
        if _FENCE.match(following):
            return following.lstrip()
        return "" if _FENCE_BEGUN.fullmatch(following) else text

    def _without_copy(self, text: str) -> str:
        """Drop the code above the cursor, from the head of a definition on, where the model repeats it."""
        lines = text.lstrip("\n").split("\n")
        first = lines[0].strip()
        if len(lines) == 1 or first not in self._above or not DEFINITION.match(first) or not self._is_code:
            return text
        size = self._above[::-1].index(first) + 1
        own = [line.strip() for line in lines[:size]]
        if own[:-1] != self._above[-size:][: len(own) - 1] or not self._above[-size:][len(own) - 1].startswith(own[-1]):
            return text
        if len(lines) <= size:
            return ""
        before = self._window.before
        rest = after_line(lines[size], before) if before.strip() else lines[size].removeprefix(before)
        if rest is None:
            return "" if len(lines) == size + 1 and before.strip().startswith(lines[size].strip()) else text
        return "\n".join([rest, *lines[size + 1 :]])


def _without_reasoning(text: str, is_body: bool) -> str:
    """Return the answer; empty while the model reasons. Some chat templates end with the opening mark."""
    has_opening = _OPENING.match(text) is not None
    closing = _CLOSING.search(text) if has_opening else _CLOSING.search(text, 0, _MAX_UNOPENED)
    if closing is None:
        return "" if has_opening else text
    answer = text[closing.end() :]
    blank = _BLANK_LINES.match(answer)
    return answer if blank is None else "\n" * is_body + answer[blank.end() :]
