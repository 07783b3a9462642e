"""Where a text closes the pair of brackets, tags or keywords around a cursor."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_completion.languages.brackets import PAIRS, unopened
from infill_completion.languages.traits import LanguageTraits

# An arrow of a function in an attribute does not end a tag.
_TAG = re.compile(r"<(/?)([A-Za-z][\w.:-]*)?(?:=>|[^<>=]|=(?!>))*+>")
_WORD = re.compile(r"\w+")


def closing_offset(text: str, rest: str, traits: LanguageTraits) -> int | None:
    """Return where ``text`` closes the pair that ``rest``, the rest of the cursor's line, closes; None if nowhere.

    Args:
        text: What is inserted between the pair.
        rest: It begins with a closing bracket, tag or keyword.
        traits: The traits of the language.
    """
    if rest[0] in PAIRS:
        return next((offset for offset, character in unopened(text, traits) if character == rest[0]), None)
    if rest.startswith("</"):
        return _closing_tag(text)
    word, last = _WORD.match(rest), text.rstrip().rpartition("\n")[2]
    is_closer = word is not None and re.match(rf"\s*{word.group()}\b", last) is not None
    return len(text.rstrip()) - len(last.lstrip()) if is_closer else None


def unopened_tags(text: str) -> list[tuple[int, str]]:
    """Return offset and name of each closing tag in ``text`` that closes what is open before it."""
    depth: dict[str, int] = {}
    found: list[tuple[int, str]] = []
    for offset, name, step in _tags(text):
        depth[name] = depth.get(name, 0) + step
        if depth[name] < 0:
            found.append((offset, name))
            depth[name] = 0
    return found


def tag_balance(text: str, name: str) -> int:
    """Return how many more opening than closing tags called ``name`` there are in ``text``."""
    return sum(step for _, found, step in _tags(text) if found == name)


def _closing_tag(text: str) -> int | None:
    depth = 0
    for offset, _, step in _tags(text):
        depth += step
        if depth < 0:
            return offset
    return None


def _tags(text: str) -> Iterator[tuple[int, str, int]]:
    """Yield offset and name of each tag, and 1 if it opens an element, -1 if it closes one."""
    for match in _TAG.finditer(text):
        if not match.group().endswith("/>"):
            yield match.start(), match.group(2) or "", -1 if match.group(1) else 1
