"""Text that repeats itself over and over, as models write it when they are lost."""

from __future__ import annotations

import re

# Only what has letters counts: blanks and rulers such as `-----` repeat in good code too.
LETTERS = re.compile(r"[^\W\d_]{2,}")
# Lines such as `else:`, `break` and `#endif` may occur twice in a row.
BARE_WORD = re.compile(r"\s*[#@]?\w+[:;,]?\s*")

# This many equal groups in a row, of at most this many lines, are a loop even if the model came to an end.
_COPIES, _MAX_LINES = 3, 6
# For a single line that is a bare word, this many copies are.
_BARE_WORD_COPIES = 5
# A group of this many lines is already a loop when it occurs twice and begins again.
_LONG_GROUP = 3
_LOOP_LINES = _COPIES * _MAX_LINES
# Within a line, this many equal parts of so many characters are a loop; fewer are where they are this long together.
_TAIL_COPIES, _TAIL_PART = 10, range(2, 33)
_FEWEST_TAIL_COPIES, _LONG_TAIL = 4, 48


def ends_in_loop(text: str) -> bool:
    """Return whether ``text`` ends with the same few characters or lines over and over."""
    if text.endswith("\n") and loop_in(text.rsplit("\n", _LOOP_LINES + 1)[-_LOOP_LINES - 1 : -1]) is not None:
        return True
    return any(_ends_in_copies(text, size) for size in _TAIL_PART)


def _ends_in_copies(text: str, size: int) -> bool:
    """Return whether ``text`` ends with copies of its last ``size`` characters, so many that they are a loop."""
    part = text[-size:]
    copies = min(_TAIL_COPIES, max(_FEWEST_TAIL_COPIES, -(-_LONG_TAIL // size)))
    if len(set(part.strip())) <= 1 or (copies < _TAIL_COPIES and LETTERS.search(part) is None):
        return False
    return text.endswith(part * copies)


def loop_in(lines: list[str]) -> tuple[int, int] | None:
    """Return the index of the first line of a loop in ``lines`` and its length in lines; None if there is no loop.

    So many equal groups in a row are no coincidence, even where the model came to an end by itself.
    """
    for start in range(len(lines)):
        for size in range(1, min(_MAX_LINES, (len(lines) - start) // _COPIES) + 1):
            group = lines[start : start + size]
            copies = _BARE_WORD_COPIES if size == 1 and BARE_WORD.fullmatch(group[0]) else _COPIES
            is_loop = lines[start : start + copies * size] == group * copies
            if is_loop and any(map(LETTERS.search, group)):
                return start, size
    return None


def unfinished_loop_in(lines: list[str]) -> tuple[int, int] | None:
    """Return what `loop_in` does if ``lines`` end in the middle of the third copy of a long group."""
    for start in range(len(lines)):
        for size in range(_LONG_GROUP, min(_MAX_LINES, (len(lines) - start - 1) // 2) + 1):
            if _begins_third_copy(lines, start, size) and any(map(LETTERS.search, lines[start : start + size])):
                return start, size
    return None


def _begins_third_copy(lines: list[str], start: int, size: int) -> bool:
    """Return whether ``lines`` from ``start`` on are two copies of a group and the beginning of a third."""
    length = len(lines) - start - 2 * size
    if not 0 < length < size:
        return False
    first, second, third = (lines[start + number * size :][:size] for number in range(3))
    return first == second and third[:-1] == first[: length - 1] and first[length - 1].startswith(third[-1])
