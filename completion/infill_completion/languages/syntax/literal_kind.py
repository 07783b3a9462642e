"""Whether the cursor is in a comment, in a string, or in code: by the parser, and by patterns where there is none."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from infill_completion.document.window import Window
from infill_completion.languages.line_strings import QUOTES, LineStrings, interpolated_code
from infill_completion.languages.long_literals import LongLiteral, literal_end, open_literal
from infill_completion.languages.registry import grammar_of, traits_of
from infill_completion.languages.syntax.cursor import around
from infill_completion.languages.syntax.literals import literal_around
from infill_completion.languages.syntax.near import parsed_before
from infill_completion.languages.syntax.parser import parse
from infill_completion.languages.traits import Blocks

if TYPE_CHECKING:
    from tree_sitter import Node

_COMMENT = re.compile(r"/\*|<!--|--\[|<#|#=|\{-|\(\*|#\||###|=[a-z]")
_FENCE = re.compile(r"[ \t]*(?:`{3}|~{3})")
# In these, names and values are strings, so that being in one says nothing.
_ALL_STRINGS = frozenset({"json", "jsonc", "json5"})
# What a hash follows that begins no comment: `$#`, `${#a}`, `&#32;`, `\#`.
_NO_COMMENT_AFTER = frozenset("${&\\\"'")
# Letters before a quote that belong to the string, as in `rb'`; a longer word has an apostrophe.
_LONGEST_PREFIX = 2


class LiteralKind(Enum):
    """What is not code."""

    COMMENT = "comment"
    STRING = "string"


def literal_kind(window: Window, language_id: str) -> LiteralKind | None:
    """Return whether the cursor is in a comment or a string; None in code, also in code inside a string.

    A docstring of Python is a comment. In prose only comments of its markup count, and in JSON no strings.
    """
    is_known, kind = _by_tree(window, language_id)
    if not is_known:
        kind = _by_patterns(window, language_id)
    return None if kind is LiteralKind.STRING and language_id in _ALL_STRINGS else kind


def _by_tree(window: Window, language_id: str) -> tuple[bool, LiteralKind | None]:
    """Return whether the parser knows what is at the cursor, and what it is."""
    grammar, (before, after) = grammar_of(language_id), around(window, language_id)
    tree = parse(before + after, language_id) if before else None
    if grammar is None or tree is None:
        return False, None
    literal = literal_around(tree, grammar, len(before) - 1, len(before))
    if literal is None:
        return not tree.root_node.has_error, None
    is_comment = "comment" in literal.type
    if literal.end_byte == len(before):
        # A comment that runs to the end of its line goes on here.
        goes_on = is_comment and not before.endswith((b"*/", b"\n"))
        return goes_on or not tree.root_node.has_error, LiteralKind.COMMENT if goes_on else None
    if literal.has_error:
        return False, None
    return True, LiteralKind.COMMENT if is_comment or _is_docstring(literal) else LiteralKind.STRING


def _is_docstring(literal: Node) -> bool:
    parent = literal.parent
    return literal.type == "string" and parent is not None and parent.type == "expression_statement"


def _by_patterns(window: Window, language_id: str) -> LiteralKind | None:
    text = window.prefix if window.starts_document else parsed_before(window)
    text = window.before if text is None else text
    literal = open_literal(text, language_id)
    if literal is not None:
        return _kind_of(literal, text)
    start = text.rfind("\n") + 1
    line, index = text[start:], 0
    above = open_literal(text[:start], language_id)
    if above is not None and (end := above.end_in(line)) is not None:
        index = end[1]
    return _kind_in_line(line, index, language_id)


def _kind_of(literal: LongLiteral, text: str) -> LiteralKind | None:
    """Return the kind of a literal of several lines; a fence of Markdown holds code."""
    if _FENCE.match(literal.opening) and literal.is_line:
        return None
    head = text[: len(text) - len(literal.written) - len(literal.opening)]
    begins_line = not head[head.rfind("\n") + 1 :].strip()
    is_docstring = begins_line and literal.opening in {'"""', "'''"}
    return LiteralKind.COMMENT if is_docstring or _COMMENT.match(literal.opening) else LiteralKind.STRING


def _kind_in_line(line: str, index: int, language_id: str) -> LiteralKind | None:
    """Return the kind of what is open at the end of ``line``, of which the part from ``index`` on begins in code."""
    traits = traits_of(language_id)
    strings, quotes = LineStrings(line, traits), "" if traits.blocks is Blocks.PROSE else QUOTES
    while index < len(line):
        if (long_end := literal_end(line, index, language_id)) is not None:
            index = long_end
            continue
        if _begins_comment(line, index, traits.line_comment):
            return LiteralKind.COMMENT
        character = line[index]
        if character not in quotes or not _begins_string(line, index):
            index += 2 if character == "\\" else 1
            continue
        end, is_ended = strings.end(index)
        if is_ended or character not in traits.quotes:
            index = end
            continue
        code = interpolated_code(line, index, traits)
        if code is None:
            return LiteralKind.STRING
        index = code
    return None


def _begins_comment(line: str, index: int, mark: str) -> bool:
    if not mark or not line.startswith(mark, index):
        return False
    before = line[index - 1 : index]
    return not before or not (before.isalnum() or before in _NO_COMMENT_AFTER)


def _begins_string(line: str, index: int) -> bool:
    """Return whether a quote is no apostrophe, as in ``don't``."""
    if line[index] != "'":
        return True
    word = re.search(r"\w*\Z", line[max(index - 20, 0) : index])
    return word is None or len(word.group()) <= _LONGEST_PREFIX
