r"""Lines as LSP counts them: they end at ``\n``, ``\r\n`` and ``\r`` and nowhere else.

``str.splitlines`` also splits at form feeds, U+2028 and the like, so this package never uses it on documents.
"""

from __future__ import annotations

import re
from io import StringIO

_BREAK = re.compile(r"\r\n|\n|\r")


def split_lines(text: str) -> list[str]:
    r"""Return the lines of ``text`` with their line ends; joined, they are ``text`` again.

    There is one line more than there are line ends: ``"a\n"`` has the lines ``"a\n"`` and ``""``.  ``StringIO`` with
    ``newline=""`` splits at exactly the three line ends, and faster than a pattern.
    """
    lines = list(StringIO(text, newline=""))
    if not lines or lines[-1].endswith(("\n", "\r")):
        lines.append("")
    return lines


def offset_at(text: str, line: int, column: int) -> int:
    """Return the offset of a position in code points; line and column count from 0.

    Raises:
        ValueError: The line does not exist or is shorter; the message gives the number of lines or characters.
    """
    start = 0
    for number in range(line):
        match = _BREAK.search(text, start)
        if match is None:
            raise ValueError(f"the text has {number + 1} lines")
        start = match.end()
    width = line_end(text, start) - start
    if not 0 <= column <= width:
        raise ValueError(f"that line has {width} characters")
    return start + column


def line_at(text: str, offset: int) -> int:
    """Return the number of the line of ``offset``, from 0."""
    found = text.count("\n", 0, offset)
    if "\r" in text:
        found += text.count("\r", 0, offset) - text.count("\r\n", 0, offset)
        found -= text.startswith("\r\n", offset - 1) if offset else 0  # between the two
    return found


def line_start(text: str, offset: int) -> int:
    """Return the offset at which the line of ``offset`` begins."""
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def line_end(text: str, offset: int) -> int:
    """Return the offset at which the line of ``offset`` ends, before its line end."""
    newline = text.find("\n", offset)
    end = len(text) if newline < 0 else newline
    carriage = text.find("\r", offset, end)
    return end if carriage < 0 else carriage


def line_ending_of(text: str) -> str:
    r"""Return the line end of ``text``, which is its first one; ``"\n"`` if it has none."""
    newline = text.find("\n")
    carriage = text.find("\r", 0, newline if newline >= 0 else len(text))
    if carriage < 0:
        return "\n"
    return "\r\n" if carriage + 1 == newline else "\r"


def to_lf(text: str) -> str:
    r"""Return ``text`` with every line end written ``\n``."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def with_ending(text: str, ending: str) -> str:
    r"""Return ``text``, which has LF line ends, with ``ending`` in their place."""
    return text if ending == "\n" else text.replace("\n", ending)


def indent_width(line: str, tab_size: int = 4) -> int:
    """Return the columns of blanks at the start of ``line``; a tab reaches to the next multiple of ``tab_size``."""
    width = 0
    for character in line:
        if character == " ":
            width += 1
        elif character == "\t":
            width += tab_size - width % tab_size
        else:
            break
    return width


def indent_of(line: str) -> str:
    """Return the blanks at the start of ``line``."""
    return line[: len(line) - len(line.lstrip(" \t"))]
