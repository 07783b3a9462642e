"""Conversion of columns between code points, used inside, and the client's units (UTF-8, UTF-16 or UTF-32).

LSP counts columns in the units that client and server negotiated in ``initialize``; Python counts code points.
Everything else in this package uses code points.
"""

from __future__ import annotations

from enum import StrEnum

_CONTINUATION = bytes(range(0x80, 0xC0))


class Units(StrEnum):
    """The units in which a client counts columns; the values are those of LSP's ``PositionEncodingKind``."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


def column_in_code_points(line: str, column: int, units: Units) -> int:
    """Return the number of code points of ``line`` left of the client's ``column``.

    A column past the end counts as the end, one inside a character as the start of that character.
    """
    if column <= 0:
        return 0
    if units is Units.UTF32 or line.isascii():
        return min(column, len(line))
    if units is Units.UTF8:
        return _left_of_byte(line, column)
    return _left_of_utf16_unit(line, column)


def column_in_units(line: str, column: int, units: Units) -> int:
    """Return the client's column of the code point ``column`` of ``line``; the inverse of `column_in_code_points`."""
    left = line[: max(column, 0)]
    if units is Units.UTF32 or left.isascii():
        return len(left)
    if units is Units.UTF8:
        return len(left.encode("utf-8", "surrogatepass"))
    return len(left.encode("utf-16-le", "surrogatepass")) // 2


def _left_of_byte(line: str, column: int) -> int:
    # That many bytes hold at most as many characters, so the rest of the line can be ignored.
    encoded = line[: column + 1].encode("utf-8", "surrogatepass")
    started = len(encoded[:column].translate(None, _CONTINUATION))
    cuts_character = column < len(encoded) and encoded[column] in _CONTINUATION
    return started - cuts_character


def _left_of_utf16_unit(line: str, column: int) -> int:
    left = line[:column].encode("utf-16-le", "surrogatepass")[: 2 * column].decode("utf-16-le", "surrogatepass")
    cuts_character = left != "" and "\ud800" <= left[-1] <= "\udbff" and line[len(left) - 1] > "\uffff"
    return len(left) - cuts_character
