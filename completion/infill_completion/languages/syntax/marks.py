"""Where the lines of a suggestion begin: inside of a string, or inside of brackets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from infill_completion.languages.syntax.grammars import has_grammar, parsed
from infill_completion.languages.syntax.literals import literal_around, unclosed

if TYPE_CHECKING:
    from tree_sitter import Tree

_OPENERS, _CLOSERS = frozenset(b"([{"), frozenset(b")]}")
_NEWLINE = ord("\n")


@dataclass(frozen=True)
class Mark:
    """What a parser knows about the beginning of a line.

    Attributes:
        is_inside: It lies in a string or comment that began on a line above.
        depth: How many brackets have been opened since the cursor and not closed; negative where more were closed.
        unclosed_since: The number of the line on which a string or comment begins that has not ended yet.
    """

    is_inside: bool
    depth: int
    unclosed_since: int | None = None


@lru_cache(maxsize=64)
def marks(before: str | None, text: str, language_id: str) -> tuple[Mark, ...] | None:
    """Return a mark for each line of ``text``, which stands behind ``before``; None where nothing can be told.

    The first line's is that of the cursor.
    """
    if before is None or not has_grammar(language_id):
        return None
    source, start = (before + text).encode("utf-8", "replace"), len(before.encode("utf-8", "replace"))
    tree = parsed(source, language_id)
    if tree is None:
        return None
    open_since: int | None = None
    if tree.root_node.has_error:
        found = unclosed(source, language_id)
        if found is not None and found[1] >= start:
            tree, begun = found
            open_since = source.count(b"\n", start, begun)
    marked = [Mark(False, 0, open_since)]
    depth = 0
    for place in range(start, len(source)):
        if source[place] == _NEWLINE:
            marked.append(Mark(literal_around(tree, place, place + 2) is not None, depth, open_since))
        elif _is_bracket(tree, source, place):
            depth += 1 if source[place] in _OPENERS else -1
    return tuple(marked)


def brackets_of(before: str | None, text: str, language_id: str) -> list[tuple[int, str]] | None:
    """Return the place and the character of each bracket in ``text`` that is one to the parser; None if unknown."""
    if before is None or not has_grammar(language_id):
        return None
    source, start = (before + text).encode("utf-8", "replace"), len(before.encode("utf-8", "replace"))
    tree = parsed(source, language_id)
    if tree is None:
        return None
    places = [place for place in range(start, len(source)) if _is_bracket(tree, source, place)]
    return [(len(source[start:place].decode("utf-8")), chr(source[place])) for place in places]


def _is_bracket(tree: Tree, source: bytes, place: int) -> bool:
    if source[place] not in _OPENERS and source[place] not in _CLOSERS:
        return False
    node = tree.root_node.descendant_for_byte_range(place, place + 1)
    # What the parser could not make sense of counts as written.
    return node is not None and (node.type == chr(source[place]) or node.is_error)
