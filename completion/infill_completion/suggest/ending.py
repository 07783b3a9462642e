"""Where a suggestion ends in the text that the model writes, and where a cut leaves a whole part of it."""

from __future__ import annotations

from infill_completion.document.lines import indent_of
from infill_completion.suggest.block import block_in
from infill_completion.suggest.extent import Extent, ExtentKind

# What `_beginning` returns where the model left the block of the blank line that it was asked to fill.
_LEFT_BLOCK = "\n"


def settled(extent: Extent, text: str) -> str | None:
    """Return the suggestion in ``text`` once no further text can change it, else None."""
    body = _beginning(extent, text)
    if body is None:
        return None
    if body == _LEFT_BLOCK and extent.is_blank:
        return ""
    if extent.spans_lines:
        return block_in(body, extent, is_whole=False)
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
    if not is_whole:
        body = whole_part(body, extent.spans_lines)
    return (block_in(body + "\n", extent, is_whole=True) or "") if extent.spans_lines else body


def whole_part(text: str, may_span_lines: bool) -> str:
    """Return the longest part of a cut-off ``text`` that does not end in the middle of something.

    In a text of several lines that is everything but the last line. A single line is cut after the last closing bracket
    or semicolon at which all of its own brackets are closed.
    """
    if may_span_lines and "\n" in text.strip("\n"):
        return text[: text.rindex("\n")]
    return text[: _last_boundary(text)]


def _beginning(extent: Extent, text: str) -> str | None:
    """Drop the empty lines that a model begins with on a blank line, and the indentation that is already there."""
    if not extent.is_blank or extent.kind is ExtentKind.MIDDLE:
        return text
    body = text
    while (end := body.find("\n")) >= 0 and not body[:end].strip():
        body = body[end + 1 :]
    if len(body) == len(text):
        return text
    blanks = indent_of(body)
    if len(blanks) == len(body):
        return None
    return body[len(extent.indentation) :] if blanks.startswith(extent.indentation) else _LEFT_BLOCK


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
