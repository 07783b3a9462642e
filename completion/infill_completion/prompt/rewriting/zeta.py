"""The formats of Zed's Zeta 2 and 2.1, which are Seed-Coder: the text below, then files and edits, then the lines.

Sources: the model cards of ``zed-industries/zeta-2`` and ``zed-industries/zeta-2.1``; where the markers of 2.1 stand
is a fact of Zed's own code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from infill_completion.api import ContextItem, PastEdit, Rewrite
from infill_completion.prompt.rewriting.markers import boundaries
from infill_completion.prompt.rewriting.pieces import Control, Piece, ended, with_cursor

SUFFIX, PREFIX, MIDDLE = (Control(f"<[fim-{part}]>") for part in ("suffix", "prefix", "middle"))
FILE = Control("<filename>")
CURSOR = "<|user_cursor|>"
CURRENT, SEPARATOR, UPDATED = "<<<<<<< CURRENT", "=======", ">>>>>>> UPDATED"
NO_EDITS = "NO_EDITS"
MARKER = "<|marker_"
_MARKER = re.compile(r"<\|marker_(\d{1,6})\|>")


def version_2(rewrite: Rewrite, context: Sequence[ContextItem]) -> list[Piece]:
    """Return the prompt of Zeta 2, which has the lines between the marks of a conflict."""
    lines = with_cursor(rewrite.text, rewrite.cursor, CURSOR)
    return _prompt(rewrite, context, f"{CURRENT}\n{lines}\n{SEPARATOR}\n")


def version_2_1(rewrite: Rewrite, context: Sequence[ContextItem]) -> list[Piece]:
    """Return the prompt of Zeta 2.1, which has numbered markers around blocks of lines."""
    return _prompt(rewrite, context, _marked(rewrite.text + "\n", rewrite.cursor))


def unchanged_2(rewrite: Rewrite) -> str:
    """Return the lines as an answer of Zeta 2; one that changes nothing may also be ``NO_EDITS``."""
    return f"{rewrite.text}\n{UPDATED}"


def unchanged_2_1(rewrite: Rewrite) -> str:
    """Return the lines as an answer of Zeta 2.1."""
    return _marked(rewrite.text + "\n", None).rstrip("\n")


def answer_2(raw: str, rewrite: Rewrite) -> str | None:
    """Return the lines in an answer of Zeta 2; None if there are none."""
    text = raw.partition(UPDATED)[0].replace(CURSOR, "")
    if text.strip() == NO_EDITS:
        return rewrite.text
    return text if text.strip() else None


def answer_2_1(raw: str, rewrite: Rewrite) -> str | None:
    """Return the lines with the blocks of an answer of Zeta 2.1 in their places; None if its markers make no sense."""
    tags = list(_MARKER.finditer(raw))
    if len(tags) < 2:
        return None
    first, last = int(tags[0][1]), int(tags[-1][1])
    if first == last:
        return rewrite.text  # the same marker twice: nothing is to change
    text = rewrite.text + "\n"
    places = boundaries(text)
    if not 1 <= first < last <= len(places):
        return None
    blocks = [raw[tag.end() : following.start()] for tag, following in pairwise(tags)]
    content = "".join(ended(block.removeprefix("\n")) for block in blocks).replace(CURSOR, "")
    return text[: places[first - 1]] + content + text[places[last - 1] :]


def _prompt(rewrite: Rewrite, context: Sequence[ContextItem], lines: str) -> list[Piece]:
    files = [piece for item in context for piece in (FILE, f"{item.path}\n{ended(item.text)}")]
    edits: list[Piece] = [FILE, "edit_history\n", *map(_diff, rewrite.edits)] if rewrite.edits else []
    return [
        SUFFIX, "\n" + ended(rewrite.below),
        PREFIX, *files, *(["\n"] if files else []), *edits, *(["\n"] if edits else []),
        FILE, f"{rewrite.path}\n{rewrite.above}{lines}",
        MIDDLE,
    ]  # fmt: skip


def _diff(edit: PastEdit) -> str:
    old = [f"-{line}\n" for line in edit.before.split("\n")] if edit.before else []
    new = [f"+{line}\n" for line in edit.after.split("\n")] if edit.after else []
    return "".join([f"--- a/{edit.path}\n+++ b/{edit.path}\n", *old, *new])


def _marked(text: str, cursor: int | None) -> str:
    """Return the blocks of ``text`` with their markers, and the cursor in the first block that it touches."""
    places, parts = boundaries(text), list[str]()
    for number, (start, end) in enumerate(zip(places, [*places[1:], None], strict=True), 1):
        parts.append(f"{MARKER}{number}|>\n")
        block = text[start:end] if end is not None else ""
        if cursor is not None and end is not None and start <= cursor <= end:
            block, cursor = with_cursor(block, cursor - start, CURSOR), None
        parts.append(ended(block))
    return "".join(parts)
