"""Which definitions a file has, found piece by piece and only where a name that is looked for stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from infill_completion.context.signatures import c, go, java, python, rust, script
from infill_completion.context.signatures.nodes import SourceText
from infill_completion.document.lines import to_lf
from infill_completion.languages.registry import context_module_of
from infill_completion.languages.syntax.grammars import parsed

if TYPE_CHECKING:
    from tree_sitter import Node

# A piece is parsed in some 5 milliseconds; the rest of a longer file is hardly written by people.
PIECE_CHARACTERS = 32_000
MOST_PIECES = 8
# By `Language.context_module`.
_EXTRACTORS: dict[str, Callable[[Node, SourceText], Iterator[tuple[str, str]]]] = {
    "c": c.signatures,
    "go": go.signatures,
    "java": java.signatures,
    "python": python.signatures,
    "rust": rust.signatures,
    "script": script.signatures,
}
# A line on which no string or body goes on in code that is laid out as usual.
_LEFTMOST = re.compile(r"\n(?=[A-Za-z_@#])")

Signatures = dict[str, tuple[str, ...]]


class Outline:
    """The definitions of one text.

    A text of more than `PIECE_CHARACTERS` is cut at lines that begin leftmost. A piece is parsed when a name in it is
    first asked for.
    """

    def __init__(self, text: str, language_id: str) -> None:
        self.text = to_lf(text)
        self._language_id = language_id
        self._pieces = (
            _cut(self.text) if context_module_of(language_id) in _EXTRACTORS and "\0" not in text[:1000] else []
        )
        self._signatures: list[Signatures | None] = [None] * len(self._pieces)

    def find(self, name: str, allows: Callable[[], bool]) -> tuple[str, ...]:
        """Return the signatures of what is called ``name``; nothing where it is unknown.

        ``allows`` is asked before a piece is parsed; once it says no, only what is known already is looked at.
        """
        for number, piece in enumerate(self._pieces):
            # What a file exports by default need not be called so in it.
            if name in piece or name == "default":
                found = self._parsed(number, allows).get(name)
                if found:
                    return found
        return ()

    def find_all(self, names: Collection[str] | None, allows: Callable[[], bool]) -> list[str]:
        """Return the signatures of all definitions, or of those in ``names``, in the order of the text."""
        found: dict[str, None] = {}
        for number in range(len(self._pieces)):
            for name, signatures in self._parsed(number, allows).items():
                if (names is None or name in names) and name != "default":
                    found.update(dict.fromkeys(signatures))
        return list(found)

    def _parsed(self, number: int, allows: Callable[[], bool]) -> Signatures:
        known = self._signatures[number]
        if known is None:
            if not allows():
                return {}
            known = self._signatures[number] = _signatures_of(self._pieces[number], self._language_id)
        return known


def _cut(text: str) -> list[str]:
    pieces: list[str] = []
    start = 0
    while len(text) - start > PIECE_CHARACTERS and len(pieces) < MOST_PIECES:
        edges = [
            match.end() for match in _LEFTMOST.finditer(text, start + PIECE_CHARACTERS // 2, start + PIECE_CHARACTERS)
        ]
        end = edges[-1] if edges else start + PIECE_CHARACTERS
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]] if len(pieces) < MOST_PIECES else pieces


def _signatures_of(text: str, language_id: str) -> Signatures:
    data = text.encode("utf-8", "replace")
    tree = parsed(data, language_id)
    found: dict[str, dict[str, None]] = {}
    extract = _EXTRACTORS[context_module_of(language_id)]
    for name, signature in extract(tree.root_node, SourceText(data)) if tree is not None else ():
        if name and signature.strip():
            found.setdefault(name, {})[signature] = None
    return {name: tuple(signatures) for name, signatures in found.items()}
