"""The columns at which a line of YAML may begin, where indentation alone defines the structure."""

from __future__ import annotations

import re

from infill_completion.document.lines import indent_width
from infill_completion.languages.block_styles import YAML
from infill_completion.languages.brackets import open_brackets

_ITEM = re.compile(r"\s*-(?:\s|$)")
_KEY = re.compile(r"\s*(?:- +)*(?:[\w./@$<*-][^:#{}\[\]]*|\"[^\"]*\"|'[^']*'):(?:\s|$)")
_BLOCK_SCALAR = re.compile(r"(?:^|[:\s-])\s*[|>][-+\d]*$")
_CONTENT = re.compile(r"(?:\s*- +)+")


def allowed_columns(first: str, above: str, cursor: int) -> set[int] | None:
    """Return the columns at which a line with an item or a key may begin; None if any is allowed.

    Args:
        first: The line.
        above: The text above the cursor's line.
        cursor: The cursor's column.
    """
    is_item = _ITEM.match(first) is not None
    lines = [line.rstrip() for line in above.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    if not lines or not (is_item or _KEY.match(first)) or open_brackets(above, YAML) or _is_in_block_scalar(lines):
        return None
    if YAML.opener.search(lines[-1]):
        return {cursor} if cursor > _content(lines[-1]) else None
    return _open_columns(lines, is_item=is_item) or None


def _is_in_block_scalar(lines: list[str]) -> bool:
    """Return whether the next line may be text of a block scalar."""
    if _BLOCK_SCALAR.search(lines[-1]):
        return True
    least = indent_width(lines[-1])
    for line in reversed(lines[:-1]):
        if indent_width(line) < least:
            least = indent_width(line)
            if _BLOCK_SCALAR.search(line):
                return True
    return False


def _open_columns(lines: list[str], *, is_item: bool) -> set[int]:
    """Return the columns of the sequences, or of the mappings, that may go on after ``lines``."""
    columns: set[int] = set()
    least: int | None = None
    for line in reversed(lines):
        width, has_dash = indent_width(line), _ITEM.match(line) is not None
        if least is not None and width >= least:
            continue
        least = width
        if is_item and has_dash:
            columns.add(width)
        if not is_item and _KEY.match(line):
            columns.add(_content(line))
    return columns


def _content(line: str) -> int:
    """Return the column at which the content of a line begins, after the dashes of its items."""
    match = _CONTENT.match(line)
    return match.end() if match else indent_width(line)
