"""The line that names another file in a prompt."""

from __future__ import annotations

from pathlib import PurePath

from infill_completion.prompt.formats import FimFormat

# Part of what models see, so it does not follow the comment marks of `languages`. Any other file gets a hash.
_COMMENT_MARKS = {
    "//": ".c .cc .cpp .cs .css .dart .go .h .hpp .java .js .jsx .kt .proto .rs .scala .scss .swift .ts .tsx .zig",
    "--": ".ada .elm .hs .lua .sql .vhd .vhdl",
}
_MARK_BY_ENDING = {ending: mark for mark, endings in _COMMENT_MARKS.items() for ending in endings.split()}


def file_heading(path: str, form: FimFormat | None) -> str:
    """Return the line that names a file of the context in a format; without a format, a comment."""
    return form.heading.format(path=path) if form is not None and form.heading else path_comment(path)


def path_comment(path: str) -> str:
    """Return the line that names a file of the context, as a comment in its language."""
    return f"{_MARK_BY_ENDING.get(PurePath(path).suffix.lower(), '#')} {path}\n"
