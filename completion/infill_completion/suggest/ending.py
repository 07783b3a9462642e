"""Where a suggestion ends in the text that the model writes, and where a cut leaves a whole part of it."""

from __future__ import annotations

import re
from dataclasses import replace
from enum import Enum

from infill_completion.document.lines import indent_of, indent_width
from infill_completion.languages.brackets import open_brackets
from infill_completion.languages.pairs import closing_offset
from infill_completion.languages.traits import Blocks, opens_block
from infill_completion.suggest.block import block_in
from infill_completion.suggest.extent import Extent, ExtentKind

# The end of a line that the next one continues, and the beginning of a line that continues the one above.
_OPEN_END = re.compile(r"(?:[-+*/%&|^=.,\\]|<<|\b(?:and|or|not|in|extends|implements))$")
_CONTINUES = re.compile(r"\??\.\w|\|>|&&|\|\||[?:+] ")
# Decorators, annotations and attributes; a definition follows them.
_PRELUDE = re.compile(r"\s*(?:@[\w.]+(?:\(.*\))?|#\[.*\])$")
_SCRIPTS = frozenset({"javascript", "javascriptreact", "typescript", "typescriptreact"})
_HAS_PRELUDES = _SCRIPTS | {"python", "cython", "java", "kotlin", "scala", "groovy", "dart", "rust"}
# The head of a statement that the next line holds.
_CONTROL = re.compile(r"\s*(?:\}\s*)?(?:(?:else )?if|for|foreach|while)\b.*\)$|\s*(?:\}\s*)?else$")
_HEAD = re.compile(r"[\w)>\]]$")


class _Left(Enum):
    """Says that the model left the block of the blank line that it was asked to fill."""

    BLOCK = "left the block"


def settled(extent: Extent, text: str) -> str | None:
    """Return the suggestion in ``text`` once no further text can change it, else None."""
    body = _beginning(extent, text)
    if body is None:
        return None
    if body is _Left.BLOCK:
        return ""
    if extent.spans_lines or begins_below(extent, body):
        return _lines_in(extent, body, is_whole=False)
    blank = len(body) - len(body.lstrip()) if extent.kind is ExtentKind.AHEAD else 0
    end = body.find("\n", blank)
    return None if end < 0 else body[:end]


def finished(extent: Extent, text: str, *, is_whole: bool) -> str:
    """Return the suggestion in ``text``, which is all that the model has written.

    Args:
        extent: How far the suggestion may reach.
        text: What the model wrote.
        is_whole: Whether the model came to an end by itself. Otherwise the last line may be incomplete and is cut at
            its last good boundary.
    """
    suggestion = settled(extent, text)
    if suggestion is not None:
        return suggestion
    body = _beginning(extent, text) or ""
    assert body is not _Left.BLOCK  # That is settled.
    if not is_whole:
        body = whole_part(body, extent.spans_lines)
    if extent.spans_lines or begins_below(extent, body):
        return _lines_in(extent, body, is_whole=True) or ""
    return body


def _lines_in(extent: Extent, text: str, *, is_whole: bool) -> str | None:
    """Return the suggestion of one or more lines in ``text``; None while further text may change it."""
    if extent.kind is ExtentKind.LITERAL:
        return _in_literal(extent, text, is_whole=is_whole)
    if extent.pair:
        return _in_pair(extent, text, is_whole=is_whole)
    if begins_below(extent, text):
        return _below(extent, text, is_whole=is_whole)
    if extent.has_body:  # which is there already, and a second one would stand before it
        first, newline, _ = text.partition("\n")
        return first if newline or is_whole else None
    return block_in(text + "\n" if is_whole else text, _of_block(extent), is_whole=is_whole)


def whole_part(text: str, may_span_lines: bool) -> str:
    """Return the longest part of a cut-off ``text`` that does not end in the middle of something.

    In a text of several lines that is everything but the last line. A single line is cut after the last closing bracket
    or semicolon at which all of its own brackets are closed.
    """
    if may_span_lines and "\n" in text.strip("\n"):
        return text[: text.rindex("\n")]
    return text[: _last_boundary(text)]


def begins_below(extent: Extent, text: str) -> bool:
    """Return whether ``text`` leaves the cursor's line as it is and goes on below, where no block has been opened."""
    is_line = extent.kind not in {ExtentKind.BODY, ExtentKind.AHEAD}
    return is_line and not extent.is_blank and text.lstrip(" \t").startswith("\n")


def _of_block(extent: Extent) -> Extent:
    """Return the extent by which a block is cut: what follows the rest of a line must belong to it."""
    return replace(extent, kind=ExtentKind.BODY) if extent.kind is ExtentKind.REST or extent.pair else extent


def _below(extent: Extent, text: str, *, is_whole: bool) -> str | None:
    """Return the part of a text that begins with a line end; nothing if it should not be shown unasked."""
    if extent.kind is ExtentKind.MIDDLE or not (extent.is_wanted or _may_go_on(extent)):
        return ""
    written = text.lstrip()
    first, newline, _ = written.partition("\n")
    if not first or not (newline or is_whole):
        return "" if is_whole else None
    head = text[: len(text) - len(written)]
    width = indent_width(head[head.rfind("\n") + 1 :])
    is_brace = first.strip() == "{" and _HEAD.search(extent.line.rstrip()) is not None
    if not extent.is_wanted and not is_brace:
        return head + first.rstrip() if _goes_on(extent, first, width) else ""
    if width > extent.indent and not is_brace:
        return block_in(text + "\n" if is_whole else text, replace(extent, kind=ExtentKind.BODY), is_whole=is_whole)
    before = None if extent.before is None else extent.before + head
    below = replace(extent, kind=ExtentKind.BLOCK, line="", indent=width, outer_indent=None, before=before)
    block = block_in(written + "\n" if is_whole else written, below, is_whole=is_whole)
    return None if block is None else head + block


def _may_go_on(extent: Extent) -> bool:
    """Return whether the cursor's line may be incomplete, so that a new line is the natural next thing."""
    line, traits = extent.line.rstrip(), extent.traits
    is_comment = bool(traits.line_comment) and traits.line_comment in line
    if traits.blocks is Blocks.PROSE or is_comment or line != extent.line:
        return False
    if traits.blocks is Blocks.INDENT:
        return _is_prelude(extent) or line.endswith("\\") or bool(open_brackets(line, traits))
    return not line.endswith((";", "}"))


def _goes_on(extent: Extent, first: str, width: int) -> bool:
    """Return whether ``first``, the next line, continues the cursor's line or is what that line announces."""
    line = extent.line.rstrip()
    if _is_prelude(extent):
        return width == extent.indent
    if width <= extent.indent:
        return False
    return bool(
        _CONTROL.match(line) or open_brackets(line, extent.traits) or _OPEN_END.search(line) or _CONTINUES.match(first)
    )


def _is_prelude(extent: Extent) -> bool:
    return extent.language_id in _HAS_PRELUDES and _PRELUDE.match(extent.line.rstrip()) is not None


def _in_pair(extent: Extent, text: str, *, is_whole: bool) -> str | None:
    """Return the part of a text between a pair of brackets that the rest of the line closes.

    Several lines are shown unasked only if they begin below the opening bracket, close it themselves, or close all that
    their first line opens.
    """
    first, newline, below = text.partition("\n")
    if not newline:
        return first if is_whole else None
    if first.strip():
        is_closed = closing_offset(first, extent.pair, extent.traits) is not None
        if is_closed and (extent.has_body or not opens_block(extent.line + first, extent.traits)):
            return first
    elif (content := below.lstrip()) and not content.startswith(extent.pair[0]):
        indentation = below[: len(below) - len(content)]
        if indent_width(indentation[indentation.rfind("\n") + 1 :]) <= extent.indent:
            return ""
    block = block_in(text + "\n" if is_whole else text, _of_block(extent), is_whole=is_whole)
    if block is None or "\n" not in block or extent.is_wanted or not first.strip():
        return block
    is_closed = closing_offset(block, extent.pair, extent.traits) is not None
    is_complete = bool(open_brackets(first, extent.traits)) and not open_brackets(block, extent.traits)
    return block if is_closed or is_complete else first


def _in_literal(extent: Extent, text: str, *, is_whole: bool) -> str | None:
    """Return the part of a text that belongs to the string or comment around the cursor.

    Several lines are shown unasked only if they begin below the opening delimiter and reach to the closing one. What
    follows the closing delimiter on its line is included.
    """
    literal = extent.literal
    assert literal is not None
    first, newline, _ = text.partition("\n")
    if not extent.is_wanted and first.strip():
        return first if newline or is_whole else None
    start = len(first) if literal.is_line and not extent.is_blank else 0
    end = literal.end_in(text, start) if newline or not literal.is_line else None
    if end is None:
        if not is_whole:
            return None
        return text if extent.is_wanted or extent.is_closed else ""
    if extent.is_closed and not extent.pair:
        return text[: end[0]].rstrip()
    line_end = text.find("\n", end[1])
    if line_end < 0 and not is_whole:
        return None
    return text[:line_end] if line_end >= 0 else text


def _beginning(extent: Extent, text: str) -> str | _Left | None:
    """Drop the empty lines that a model begins with on a blank line, and the indentation that is already there.

    Returns:
        The rest; None while it has not begun.
    """
    if not extent.is_blank or extent.kind in {ExtentKind.MIDDLE, ExtentKind.LITERAL}:
        return text
    body = text[text.rfind("\n", 0, len(text) - len(text.lstrip())) + 1 :]
    if len(body) == len(text):
        return text
    blanks = indent_of(body)
    if len(blanks) == len(body):
        return None
    return body[len(extent.indentation) :] if blanks.startswith(extent.indentation) else _Left.BLOCK


def _last_boundary(line: str) -> int:
    depth, boundary, quote = 0, 0, ""
    for index, character in enumerate(line):
        if quote:
            quote = "" if character == quote and line[index - 1] != "\\" else quote
            continue
        if character in "\"'`":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            boundary = index + 1 if depth == 0 else boundary
        elif character == ";" and depth == 0:
            boundary = index + 1
    return boundary
