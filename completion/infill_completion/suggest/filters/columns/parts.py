"""Parts of a construct, such as ``else:``, at the column of the part that they continue, in languages like Python."""

from __future__ import annotations

import re

from infill_completion.document.lines import indent_of, indent_width
from infill_completion.languages.syntax import is_in_string_or_comment
from infill_completion.suggest.filters.columns.depth import STRICT_LANGUAGES, cut_blanks
from infill_completion.suggest.filters.comments import is_in_comment
from infill_completion.suggest.filters.context import FilterContext

_PART = re.compile(r"\s*(?:(else|finally)\s*:|(elif|except)\b)")
_WORD = re.compile(r"\s*(?:async\s+)?([a-z]+)\b")
_PRECEDED_BY = {
    "elif": frozenset({"if", "elif"}),
    "else": frozenset({"if", "elif", "for", "while", "try", "except"}),
    "except": frozenset({"try", "except"}),
    "finally": frozenset({"try", "except", "else"}),
}
_FENCES = ('"""', "'''")


def place_first_part(text: str, context: FilterContext) -> str:
    """Begin a part of a construct at the column of the construct; drop it where the cursor is too deep for that."""
    before = context.window.before
    match = _PART.match(text)
    if match is None or not _applies(text, context) or before.strip():
        return text
    above = context.window.above.split("\n")
    written, least = indent_width(before + indent_of(text)), indent_width(before)
    columns = _columns(above, match[1] or match[2], written)
    if columns is None or written in columns:
        return text
    wanted = max((column for column in columns if column >= least), default=None)
    if wanted is None:
        return ""
    lines = text.split("\n")
    excess = written - wanted
    body = next((indent_width(line) for line in lines[1:] if line.strip()), 0)
    is_shifted = body > written  # Otherwise only the first line is too deep.
    others = [line[len(cut_blanks(indent_of(line), excess)) :] for line in lines[1:]] if is_shifted else lines[1:]
    blanks = " " * (wanted - least) if " " in indent_of(text) else indent_of(text)[: (wanted - least) // 4]
    return "\n".join([blanks + lines[0].lstrip(), *others])


def cut_at_stray_part(text: str, context: FilterContext) -> str:
    """Cut before a part of a construct that is at no construct's column."""
    lines = text.split("\n")
    if not any(map(_PART.match, lines[1:])) or not _applies(text, context):
        return text
    own = [context.window.before + lines[0], *lines[1:]]
    above = context.window.above.split("\n")[:-1]
    for number, line in enumerate(own[1:], 1):
        match = _PART.match(line)
        if match is None:
            continue
        columns = _columns([*above, *own[:number]], match[1] or match[2], indent_width(line))
        if columns is not None and indent_width(line) not in columns:
            return "\n".join(lines[:number])
    return text


def _applies(text: str, context: FilterContext) -> bool:
    if context.language_id not in STRICT_LANGUAGES or context.window.rest.strip() or any(map(text.count, _FENCES)):
        return False
    return not is_in_comment(context) and not is_in_string_or_comment(context.window, context.language_id)


def _columns(above: list[str], part: str, deepest: int) -> set[int] | None:
    """Return the columns up to ``deepest`` at which a construct is open that ``part`` continues; None if unknown."""
    columns: set[int] = set()
    least = deepest + 1
    for line in reversed(above):
        if any(map(line.count, _FENCES)):
            return None  # The lines of a string may be at any column.
        width = indent_width(line)
        if not line.strip() or line.lstrip().startswith((")", "]", "}", "#")) or width >= least:
            continue
        least = width
        word = _WORD.match(line)
        if word is not None and word.group(1) in _PRECEDED_BY[part]:
            columns.add(width)
        if width == 0:
            return columns
    return None
