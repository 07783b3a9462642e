"""Text that stands around the cursor already, and models that run in circles."""

from __future__ import annotations

import re

from infill_completion.filters.place import Place
from infill_completion.lines import indent_width

_LETTERS = re.compile(r"[^\W\d_]{2,}")
_LETTER = re.compile(r"[^\W\d_]")
# Lines such as `else:`, `break` and `#endif` may well stand twice in a row.
_BARE_WORD = re.compile(r"\s*[#@]?\w+[:;,]?\s*")
# Methods of different classes may well look alike, so only what is not indented counts.
_DEFINITION = re.compile(
    r"(?:(?:export|default|pub|async|public|static|abstract|data|final) )*"
    r"(?:def|class|function|fn|func|fun|struct|interface|enum|trait) \w"
)
_LOOP = re.compile(r"(.{2,}?)\1{3,}.{0,40}$", re.DOTALL)
# So many equal lines in a row are a loop even where the model came to an end.
_MANY = 5


def cut_next_lines(text: str, place: Place) -> str:
    """Cut where the suggestion begins to repeat the lines below the cursor."""
    if place.window.rest.strip():
        return text
    lines = text.split("\n")
    lines[0] = place.window.before + lines[0]
    below = [line for line in place.window.below.split("\n")[: 2 * len(lines) + 20] if line.strip()]
    first = 0 if not place.window.before.strip() else 1
    for start in range(first, len(lines)):
        own = [line for line in lines[start:] if line.strip()]
        is_told = len(own) > 1 or start == 0 or (bool(own) and not _BARE_WORD.fullmatch(own[0]))
        if own and is_told and lines[start].strip() and _repeats(own, below):
            return "\n".join(text.split("\n")[:start])
    return text


def drop_third_copy(text: str, place: Place) -> str:
    """Drop a suggestion that repeats the lines above once more: twice the same line, or the same block."""
    lines = [line for line in (place.window.before + text).split("\n") if line.strip()]
    above = [line for line in place.window.above.split("\n")[-40:] if line.strip()]
    if not lines or place.window.rest.strip() or not any(_LETTERS.search(line) for line in lines):
        return text
    copies = 2 if len(lines) < 3 else 1
    is_copy = len(above) >= copies * len(lines) and above[-copies * len(lines) :] == lines * copies
    return "" if is_copy else text


def drop_known_definition(text: str, place: Place) -> str:
    """Drop the head of a definition that the document has already at its top level."""
    first = (place.window.before + text).partition("\n")[0].rstrip()
    if place.window.rest.strip() or not _DEFINITION.match(first):
        return text
    document = f"\n{place.window.above}\n{place.window.below}\n"
    return "" if f"\n{first}\n" in document else text


def cut_loop(text: str, place: Place) -> str:
    """Cut where the model began to run in circles."""
    lines = text.split("\n")
    for start in range(len(lines) - _MANY + 1):
        run = lines[start : start + _MANY]
        if _LETTERS.search(run[0]) and all(line == run[0] for line in run):
            return "\n".join(lines[: start + 1])
    match = _LOOP.search(text) if place.is_cut_off else None
    return text[: match.start()] if match and _LETTERS.search(match.group(1)) else text


def _repeats(own: list[str], below: list[str]) -> bool:
    """Tell whether lines of a suggestion are the next lines of the document."""
    if len(below) < len(own) or not any(_LETTER.search(line) for line in own):
        return False
    return all(
        mine.strip() == other.strip() and indent_width(mine) == indent_width(other)
        for mine, other in zip(own, below, strict=False)
    )
