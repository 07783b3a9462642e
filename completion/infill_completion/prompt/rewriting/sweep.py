"""The formats of Sweep's next-edit models, made from Qwen2.5-Coder: files one after another; the last is to be written.

Sources: the announcement of the models (blog.sweep.dev/posts/oss-next-edit) for those of 0.5 and 1.5 billion
parameters; ``inference.py`` of ``sweepai/sweep-next-edit-v2-7B`` for the second version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from infill_completion.api import ContextItem, PastEdit, Rewrite
from infill_completion.prompt.rewriting.pieces import Control, Piece, with_cursor

FILE = Control("<|file_sep|>")
CURSOR = "<|cursor|>"


def first_version(rewrite: Rewrite, context: Sequence[ContextItem]) -> list[Piece]:
    """Return the prompt of the first version; the answer begins with a line end."""
    path = rewrite.path
    return [
        *_files(context),
        *(piece for edit in rewrite.edits for piece in (FILE, f"{edit.path}.diff\n{_states(edit)}\n")),
        FILE, f"original/{path}\n{rewrite.earlier}\n",
        FILE, f"current/{path}\n{rewrite.text}\n",
        FILE, f"updated/{path}",
    ]  # fmt: skip


def second_version(rewrite: Rewrite, context: Sequence[ContextItem]) -> list[Piece]:
    """Return the prompt of the second version, which counts lines, marks the cursor, and sees more of the file.

    The numbers of the lines are what its authors made them: they count from the cursor's line in the excerpt.
    """
    line = rewrite.text.count("\n", 0, rewrite.cursor)
    place = f"{rewrite.path}:{line + 1}:{line + rewrite.text.count(chr(10)) + 2}"
    return [
        FILE, f"{rewrite.path}\n{rewrite.above}{rewrite.earlier}\n{rewrite.below}",
        *(piece for item in context for piece in ("\n", FILE, f"{item.path}\n{item.text}\n")),
        "\n" if rewrite.edits else "\n\n",
        *(piece for edit in rewrite.edits for piece in (FILE, f"{edit.path}:{_lines(edit)}\n{_states(edit)}\n")),
        FILE, f"original/{place}\n{rewrite.earlier}\n",
        FILE, f"current/{place}\n{with_cursor(rewrite.text, rewrite.cursor, CURSOR)}\n",
        FILE, f"updated/{place}\n",
    ]  # fmt: skip


def first_unchanged(rewrite: Rewrite) -> str:
    """Return the answer of the first version that changes nothing."""
    return "\n" + rewrite.text


def second_unchanged(rewrite: Rewrite) -> str:
    """Return the answer of the second version that changes nothing."""
    return rewrite.text


def first_answer(raw: str, rewrite: Rewrite) -> str | None:
    """Return the lines in an answer of the first version."""
    return second_answer(raw.removeprefix("\n"), rewrite)


def second_answer(raw: str, _rewrite: Rewrite) -> str | None:
    """Return the lines in an answer; None if there are none."""
    return raw.replace(CURSOR, "") if raw.strip() else None


def _files(context: Sequence[ContextItem]) -> Iterable[Piece]:
    return (piece for item in context for piece in (FILE, f"{item.path}\n{item.text.rstrip()}\n"))


def _states(edit: PastEdit) -> str:
    return f"original:\n{edit.before}\nupdated:\n{edit.after}"


def _lines(edit: PastEdit) -> str:
    return f"{edit.line}:{edit.line + edit.before.count(chr(10))}"
