"""Words of the languages that have a grammar."""

from __future__ import annotations

from collections.abc import Iterable

from infill_completion.languages import grammars
from infill_completion.languages.language import Grammar


def by_grammar(
    python: Iterable[str], *, script: str, go: str, rust: str, java: str, c: str, cpp: str
) -> dict[Grammar, frozenset[str]]:
    """Return the words of each grammar; in one string, blanks separate them."""
    lists = {
        grammars.JAVASCRIPT: script, grammars.TYPESCRIPT: script, grammars.TSX: script, grammars.GO: go,
        grammars.RUST: rust, grammars.JAVA: java, grammars.C: c, grammars.CPP: cpp,
    }  # fmt: skip
    return {grammars.PYTHON: frozenset(python)} | {name: frozenset(words.split()) for name, words in lists.items()}
