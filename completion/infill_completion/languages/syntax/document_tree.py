"""The syntax tree of one document, brought up to date with each new text."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infill_completion.document.snapshot import TextEdit
from infill_completion.document.window import Excerpt
from infill_completion.languages.registry import grammar_of
from infill_completion.languages.syntax.excerpt import cut_excerpt
from infill_completion.languages.syntax.parser import move, new_parser, to_ascii

if TYPE_CHECKING:
    from tree_sitter import Parser, Point, Tree

# Text on which the parser has worked this long has no tree; a million characters of ordinary code take 150 ms.
MAX_PARSE_MS = 2000.0
_READ_CHARACTERS = 4096
_COMPARED = 32_768
# After an edit of more characters the structure of a former text is of no use.
_MAX_EDITED = 1000


@dataclass
class _Parse:
    """A parse that is going on: its text, and the tree of an earlier text to take unchanged parts from."""

    text: str
    former: Tree | None
    spent_ms: float = 0.0


class DocumentTree:
    """The tree of a document's text.

    A new text costs a comparison with the former one. Parsing is left to `work`, in slices; until it is done the tree
    has the former structure at the new positions. Positions are in code points, since the parser is given one letter
    for each character beyond ASCII.

    Attributes:
        text: The newest text.
        is_current: Whether nothing is left to be parsed; always if the text cannot be parsed in reasonable time.
        cost_ms: How long the last parse took.
    """

    def __init__(self, language_id: str) -> None:
        self.text = ""
        self._grammar = grammar_of(language_id)
        self._parser = new_parser(language_id)
        self.is_current = self._parser is None
        self.cost_ms = 0.0
        self._tree: Tree | None = None
        self._is_torn = False
        self._running: _Parse | None = None

    @property
    def is_parsed(self) -> bool:
        """Whether there is a tree that fits the text, be it of a former one."""
        return self._tree is not None and not self._is_torn

    @property
    def is_parsing(self) -> bool:
        """Whether the next `work` continues a parse."""
        return self._running is not None

    def update(self, text: str, edit: TextEdit | None = None) -> bool:
        """Take over a new text and return whether it differs from the former one.

        Args:
            text: The text.
            edit: How it came about, if that is known; of use only if it starts from the former text.
        """
        if text is self.text:
            return False
        is_known = edit is not None and edit.former is self.text
        if not is_known and text == self.text:
            return False
        if self._tree is not None:
            span = (edit.start, edit.former_end, edit.end) if is_known and edit else difference(self.text, text)
            self._is_torn = _edit(self._tree, span) or self._is_torn
        self.text = text
        self.is_current = self._parser is None
        return True

    def work(self, most_ms: float) -> None:
        """Parse for at most ``most_ms``; the next call continues."""
        if self.is_current or self._parser is None:
            return
        running = self._running = self._running or _Parse(self.text, None if self._tree is None else self._tree.copy())
        started = time.thread_time()  # Other work on a busy machine does not count.
        tree = _parse(self._parser, running, started + most_ms / 1000)
        running.spent_ms += (time.thread_time() - started) * 1000
        if tree is not None:
            self._running, self._tree, self.cost_ms = None, tree, running.spent_ms
            self.is_current = running.text is self.text
            self._is_torn = not self.is_current and _edit(tree, difference(running.text, self.text))
        elif running.spent_ms > MAX_PARSE_MS:
            self._give_up()

    def excerpt(self, offset: int) -> Excerpt | None:
        """Return the text around ``offset`` for a parser; None if there is no tree, or nothing can be left out."""
        if self._tree is None or self._is_torn or self._grammar is None:
            return None
        return cut_excerpt(self._tree.root_node, self.text, offset, self._grammar.lists)

    def _give_up(self) -> None:
        """Do without a tree from now on: text that keeps a parser so busy hardly changes for the better."""
        self._running = self._tree = self._parser = None
        self.is_current = True


def _parse(parser: Parser, running: _Parse, ends: float) -> Tree | None:
    """Begin or continue a parse; None if it is not finished when the thread's time reaches ``ends``."""

    def read(start: int, _point: Point) -> bytes:
        return to_ascii(running.text[start : start + _READ_CHARACTERS])

    def is_over(_offset: int, _has_error: bool) -> bool:
        return time.thread_time() > ends  # True interrupts the parser.

    try:
        if running.former is None:
            return parser.parse(read, progress_callback=is_over)
        return parser.parse(read, running.former, progress_callback=is_over)
    except ValueError:  # interrupted
        return None


def difference(former: str, text: str) -> tuple[int, int, int]:
    """Return what was edited: where it starts in both texts, where it ends in ``former``, and where in ``text``."""
    shorter = min(len(former), len(text))
    start = _common(shorter, lambda low, high: former[low:high] == text[low:high])
    old, new = len(former), len(text)
    same = _common(shorter - start, lambda low, high: former[old - high : old - low] == text[new - high : new - low])
    return start, old - same, new - same


def _common(most: int, is_equal: Callable[[int, int], bool]) -> int:
    """Return how many of ``most`` characters are equal from the first on; compares at the speed of memory."""
    low = 0
    while low < most and is_equal(low, min(low + _COMPARED, most)):
        low = min(low + _COMPARED, most)
    high = min(low + _COMPARED, most)
    while low < high:
        middle = (low + high + 1) // 2
        if is_equal(low, middle):
            low = middle
        else:
            high = middle - 1
    return low


def _edit(tree: Tree, span: tuple[int, int, int]) -> bool:
    """Move the nodes of ``tree`` to where an edit puts them, and return whether the edit is too large for that.

    An edit in several places is one from the first to the last of them, and what is in between has no structure then.
    """
    start, old_end, new_end = span
    move(tree, start, old_end, new_end)
    return max(old_end, new_end) - start > _MAX_EDITED
