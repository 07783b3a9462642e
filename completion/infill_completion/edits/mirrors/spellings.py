"""How a name is spelled within tokens: ``foo_bar`` in ``setFooBar``, ``"foo-bar"`` or ``FOO_BAR``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

# A spelling of a name, and the token with a hole where the name is.
TokenForm = tuple[str, str]
HOLE = "\0"
EXACT = "as it is"
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")
_SPELLINGS: dict[str, Callable[[list[str]], str]] = {
    "snake_case": "_".join,
    "SCREAMING_CASE": lambda words: "_".join(words).upper(),
    "camelCase": lambda words: words[0] + "".join(map(str.capitalize, words[1:])),
    "PascalCase": lambda words: "".join(map(str.capitalize, words)),
    "kebab-case": "-".join,
    "joined": "".join,
    "JOINED": lambda words: "".join(words).upper(),
    "in words": " ".join,
    "Sentence": lambda words: " ".join(words).capitalize(),
    "In Titles": lambda words: " ".join(map(str.capitalize, words)),
}
# Those that are found in strings alone.
_NOT_IN_NAMES = frozenset({"kebab-case", "in words", "Sentence", "In Titles"})
_MAX_TOKEN = 200


def words_of(name: str) -> list[str]:
    """Return the words of a name, in lower case."""
    return [word.lower() for word in _WORD.findall(name)]


@lru_cache(maxsize=512)
def spelled(name: str) -> dict[str, str]:
    """Return a name in each spelling."""
    words = words_of(name)
    found = {style: spell(words) for style, spell in _SPELLINGS.items()} if words else {}
    return {EXACT: name, **found}


@lru_cache(maxsize=512)
def search_of(name: str) -> re.Pattern[str]:
    """Return what finds all spellings of a name, and perhaps more."""
    return re.compile(r"[-_ ]?".join(map(re.escape, words_of(name))) or r"(?!)", re.IGNORECASE)


@lru_cache(maxsize=4096)
def forms(token: str, name: str) -> frozenset[TokenForm]:
    """Return how a token can be read as a text around a name; empty if the name is not in it."""
    if len(token) > _MAX_TOKEN:
        return frozenset()
    found = set()
    for style, text in spelled(name).items():
        if text in token and not (style in _NOT_IN_NAMES and token.isidentifier()):
            template = _occurrences(text).sub(HOLE, token)
            if HOLE in template:
                found.add((style, template))
    return frozenset(found)


def filled(wanted: Iterable[TokenForm], name: str) -> str | None:
    """Return the token with another name in it; None if its spelling is not known."""
    made = {style: template.replace(HOLE, spelled(name).get(style, name)) for style, template in wanted}
    if EXACT in made:
        return made[EXACT]
    return next(iter(made.values())) if len(set(made.values())) == 1 else None


@lru_cache(maxsize=1024)
def _occurrences(text: str) -> re.Pattern[str]:
    """Return what finds a text where words begin and end."""
    before = r"(?<![A-Z0-9])" if text[:1].isupper() else r"(?<![A-Za-z0-9])"
    after = r"(?![A-Z0-9a-z])" if text[-1:].isupper() else r"(?![a-z0-9])"
    return re.compile(before + re.escape(text) + after)
