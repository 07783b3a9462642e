"""What the answer of a model that was not trained to infill has to do with the text after the cursor."""

from __future__ import annotations

import re

# A line without it, such as a closing bracket, may well be part of an answer.
_WORD = re.compile(r"[^\W\d_]\w")
_SUFFIX_CHARS = 600


def has_text(suffix: str | None) -> bool:
    """Return whether there is anything but blanks after the cursor."""
    return suffix is not None and bool(suffix[:_SUFFIX_CHARS].strip())


def suffix_stops(suffix: str | None) -> tuple[str, ...]:
    r"""Return the stop strings that end an answer where the text after the cursor begins.

    These are the rest of the cursor's line, and the first line below that has text, both with the line end after them;
    but none that consists of signs alone, because an answer may have its own closing brackets.
    """
    if suffix is None:
        return ()
    rest, *below = suffix[:_SUFFIX_CHARS].split("\n")
    next_line = next((line for line in below[:-1] if line.strip()), "")
    # A model leaves out blanks at the ends of lines.
    stops = (rest.rstrip() + "\n", "\n" + next_line.rstrip() + "\n")
    return tuple(stop for stop, line in zip(stops, (rest, next_line), strict=True) if _WORD.search(line))


def line_end(text: str, *, is_blank: bool) -> int | None:
    """Return where the first line of an answer ends; None while it goes on.

    Args:
        text: The answer so far.
        is_blank: Whether nothing but blanks precedes the cursor on its line; then blank lines are not counted.
    """
    start = len(text) - len(text.lstrip()) if is_blank else 0
    end = text.find("\n", start)
    return None if end < 0 else end


def parts(line: str, suffix: str, *, is_plain: bool) -> tuple[str, str]:
    """Return the part of an answer's first line before the rest of the cursor's line, and the beginning of the suffix.

    A left-to-right model writes the rest of the line too, as ``value)`` before ``)``; one that infills means another
    bracket by it.

    Args:
        line: The answer's first line.
        suffix: The text after the cursor.
        is_plain: Whether the prompt has no infilling marks.
    """
    after = suffix[:_SUFFIX_CHARS]
    if not is_plain:
        return line, after
    rest = after.partition("\n")[0].rstrip()
    written = line.rstrip()
    return (written[: -len(rest)] if rest and written.endswith(rest) else line), after
