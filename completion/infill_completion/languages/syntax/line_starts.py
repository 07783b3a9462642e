"""The beginning of each line of a suggestion: inside a string or not, and how deep in brackets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from infill_completion.languages.registry import grammar_of
from infill_completion.languages.syntax.literals import literal_around, unclosed
from infill_completion.languages.syntax.parser import has_grammar, parse

if TYPE_CHECKING:
    from tree_sitter import Tree

_OPENERS, _CLOSERS = frozenset(b"([{"), frozenset(b")]}")
_NEWLINE = ord("\n")


@dataclass(frozen=True)
class LineStart:
    """What a parser knows about the beginning of a line.

    Attributes:
        is_inside: The line begins inside a string or comment from a line above.
        depth: The brackets opened since the cursor and not closed; negative if more were closed.
        unclosed_since: The number of the line on which a string or comment begins that is still open.
    """

    is_inside: bool
    depth: int
    unclosed_since: int | None = None


@lru_cache(maxsize=64)
def line_starts(before: str | None, text: str, language_id: str) -> tuple[LineStart, ...] | None:
    """Return the beginning of each line of ``text``, which follows ``before``; None if unknown.

    The first one is the cursor.
    """
    grammar = grammar_of(language_id)
    if before is None or grammar is None:
        return None
    source, start = (before + text).encode("utf-8", "replace"), len(before.encode("utf-8", "replace"))
    tree = parse(source, language_id)
    if tree is None:
        return None
    open_since: int | None = None
    if tree.root_node.has_error:
        found = unclosed(source, language_id)
        if found is not None and found[1] >= start:
            tree, begun = found
            open_since = source.count(b"\n", start, begun)
    starts = [LineStart(False, 0, open_since)]
    depth = 0
    for offset in range(start, len(source)):
        if source[offset] == _NEWLINE:
            is_inside = literal_around(tree, grammar, offset, offset + 2) is not None
            starts.append(LineStart(is_inside, depth, open_since))
        elif _is_bracket(tree, source, offset):
            depth += 1 if source[offset] in _OPENERS else -1
    return tuple(starts)


def brackets_of(before: str | None, text: str, language_id: str) -> list[tuple[int, str]] | None:
    """Return offset and character of each bracket of the code in ``text``, as the parser sees it; None if unknown."""
    if before is None or not has_grammar(language_id):
        return None
    source, start = (before + text).encode("utf-8", "replace"), len(before.encode("utf-8", "replace"))
    tree = parse(source, language_id)
    if tree is None:
        return None
    offsets = [offset for offset in range(start, len(source)) if _is_bracket(tree, source, offset)]
    return [(len(source[start:offset].decode("utf-8")), chr(source[offset])) for offset in offsets]


def _is_bracket(tree: Tree, source: bytes, offset: int) -> bool:
    if source[offset] not in _OPENERS and source[offset] not in _CLOSERS:
        return False
    node = tree.root_node.descendant_for_byte_range(offset, offset + 1)
    # A token may be longer than its bracket: `${` of a template, `[[` of an attribute. The text of strings and comments
    # is a named node. A bracket that the parser could not make sense of counts.
    return node is not None and (node.is_error or (not node.is_named and not node.child_count))
