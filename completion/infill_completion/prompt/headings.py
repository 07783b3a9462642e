"""The line that names another file in a prompt."""

from __future__ import annotations

from infill_completion.languages.registry import language_id_of, traits_of
from infill_completion.prompt.formats import FimFormat

# A language that is unknown or has no comments gets the mark that most languages have.
_DEFAULT_MARK = "#"


def file_heading(path: str, form: FimFormat | None) -> str:
    """Return the line that names a file of the context in a format; without a format, a comment."""
    return form.heading.format(path=path) if form is not None and form.heading else path_comment(path)


def path_comment(path: str) -> str:
    """Return the line that names a file of the context, as a comment in its language."""
    # The text of a notebook's cells is code, most likely Python, although the file itself is JSON.
    traits = traits_of("python" if path.lower().endswith(".ipynb") else language_id_of(path))
    opening, closing = traits.block_comment
    if not traits.line_comment and opening:
        return f"{opening} {path} {closing}\n"
    return f"{traits.line_comment or _DEFAULT_MARK} {path}\n"
