"""The tokens of a text, in any language: names, numbers, strings, comments and punctuation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from functools import cache
from typing import NamedTuple

from infill_completion.languages.registry import traits_of

OPENERS = {"(": ")", "[": "]", "{": "}"}
CLOSERS = frozenset(OPENERS.values())
# What is before a member.
DOTS = frozenset({".", "->", "::", "?."})


class LexemeKind(Enum):
    """The kind of a token."""

    NAME = "name"
    NUMBER = "number"
    STRING = "string"
    COMMENT = "comment"
    MARK = "mark"


class Lexeme(NamedTuple):
    """A token and its offsets."""

    kind: LexemeKind
    text: str
    start: int
    end: int


_KINDS = {kind.value: kind for kind in LexemeKind}
# What is never closed reaches to the end; otherwise every opening delimiter would be searched to the end in vain.
_STRINGS = r""""{3}[\s\S]*?(?:"{3}|\Z)|'{3}[\s\S]*?(?:'{3}|\Z)|"(?:[^"\\\n]|\\.)*"|`[^`]*(?:`|\Z)"""
# A quotation mark after a backslash begins no string: one without an end would be searched from each of them.
_MARKS = r"\\[\"'`]|===|!==|\.\.\.|<<=|>>=|->|=>|::|&&|\|\||[-+*/%&|^=!<>:]=|\+\+|--|<<|\*\*|//|\?\?|\?\.|[^\s\w]"


def tokens_of(text: str, language_id: str, start: int = 0, end: int | None = None) -> list[Lexeme]:
    """Return the tokens of ``text`` between two offsets; blanks are left out.

    A string or comment that begins before ``start`` is not recognized.
    """
    pattern = _pattern(language_id)
    found = pattern.finditer(text, start, len(text) if end is None else end)
    # Without the constructor, which takes a fifth of the time.
    new, kinds = tuple.__new__, _KINDS
    return [new(Lexeme, (kinds[match.lastgroup or ""], match.group(), *match.span())) for match in found]


@cache
def _pattern(language_id: str) -> re.Pattern[str]:
    """Return what matches one token."""
    traits = traits_of(language_id)
    comments = [re.escape(traits.line_comment) + r"[^\n\r]*"] if traits.line_comment else []
    if traits.line_comment == "//":
        comments.append(r"/\*[\s\S]*?(?:\*/|\Z)")
    # In Rust an apostrophe also begins a lifetime.
    characters = r"'(?:[^'\\\n]|\\.)'|'\\u\{\w+\}'" if language_id == "rust" else r"'(?:[^'\\\n]|\\.)*'"
    prefix = "(?:[rbfuRBFU]{1,2}(?=[\"']))?" if language_id in {"python", "rust", "starlark"} else ""
    parts = [
        rf"(?P<comment>{'|'.join(comments)})" if comments else r"(?P<comment>(?!))",
        rf"(?P<string>{prefix}(?:{_STRINGS}|{characters}))",
        r"(?P<number>\d[\w.]*)",
        r"(?P<name>[^\W\d][\w$]*)",
        rf"(?P<mark>{_MARKS})",
    ]
    return re.compile("|".join(parts))


def holds_run(where: Sequence[str], run: Sequence[str]) -> bool:
    """Return whether the texts of ``run`` are somewhere in ``where``, one after the other."""
    return any(where[at : at + len(run)] == run for at in range(len(where) - len(run) + 1))


def partners(tokens: Sequence[Lexeme]) -> dict[int, int]:
    """Return the index of each bracket's partner, in both directions; brackets without one are left out."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind is not LexemeKind.MARK:
            continue
        if token.text in OPENERS:
            opened.append(index)
        elif token.text in CLOSERS and opened and OPENERS[tokens[opened[-1]].text] == token.text:
            found[index] = opened.pop()
            found[found[index]] = index
    return found
