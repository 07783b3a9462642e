"""Notebook cells above the current one."""

from __future__ import annotations

from collections.abc import Sequence

from infill_completion.document.lines import to_lf
from infill_completion.document.workspace import OpenDocument
from infill_completion.languages.registry import traits_of

_BETWEEN = "\n\n"


def cells_text(cells: Sequence[OpenDocument], language_id: str, budget: int) -> str:
    """Return the cells as one text that precedes the current cell; the nearest ones if not all fit ``budget``.

    Cells in another language, such as Markdown, become comments, or are left out if the language has no line
    comments.

    Args:
        cells: The cells, from top to bottom.
        language_id: LSP's language id of the current cell.
        budget: The largest number of characters.
    """
    parts: list[str] = []
    left = budget
    for cell in reversed(cells):
        text = to_lf(cell.text).rstrip("\n")
        if cell.language_id != language_id:
            text = _commented(text, traits_of(language_id).line_comment)
        if not text.strip():
            continue
        if len(text) + len(_BETWEEN) > left:
            break
        left -= len(text) + len(_BETWEEN)
        parts.append(text + _BETWEEN)
    return "".join(reversed(parts))


def _commented(text: str, mark: str) -> str:
    return "\n".join(f"{mark} {line}".rstrip() for line in text.split("\n")) if mark else ""
