"""The definitions of a file. It is parsed in pieces, and only the pieces that contain a wanted name."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from infill_completion.context.signatures import c, go, java, python, rust, script
from infill_completion.context.signatures.nodes import SourceText
from infill_completion.document.files import is_binary
from infill_completion.document.lines import to_lf
from infill_completion.languages.registry import context_module_of
from infill_completion.languages.syntax.parser import parse

if TYPE_CHECKING:
    from tree_sitter import Node

# A piece is parsed in about 5 milliseconds. A file with more pieces was hardly written by people.
PIECE_CHARACTERS = 32_000
MAX_PIECES = 8
# By `Language.context_module`.
_EXTRACTORS: dict[str, Callable[[Node, SourceText], Iterator[tuple[str, str]]]] = {
    "c": c.signatures,
    "go": go.signatures,
    "java": java.signatures,
    "python": python.signatures,
    "rust": rust.signatures,
    "script": script.signatures,
}
# A line that does not continue a string or a body, in code with the usual layout.
_LEFTMOST = re.compile(r"\n(?=[A-Za-z_@#])")

Signatures = dict[str, tuple[str, ...]]


class Outline:
    """The definitions of one text.

    A text of more than `PIECE_CHARACTERS` is cut at lines without indentation. A piece is parsed when a name in it is
    first wanted.
    """

    def __init__(self, text: str, language_id: str) -> None:
        self.text = to_lf(text)
        self._language_id = language_id
        is_readable = context_module_of(language_id) in _EXTRACTORS and not is_binary(text)
        self._pieces = _cut(self.text) if is_readable else []
        self._signatures: list[Signatures | None] = [None] * len(self._pieces)

    def find(self, name: str, allows: Callable[[], bool]) -> tuple[str, ...]:
        """Return the signatures of the definitions called ``name``; empty if there is none.

        ``allows`` is called before a piece is parsed; once it returns False, only parsed pieces are searched.
        """
        for number, piece in enumerate(self._pieces):
            # A default export need not have that name in its file.
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
    while len(text) - start > PIECE_CHARACTERS and len(pieces) < MAX_PIECES:
        edges = [
            match.end() for match in _LEFTMOST.finditer(text, start + PIECE_CHARACTERS // 2, start + PIECE_CHARACTERS)
        ]
        end = edges[-1] if edges else start + PIECE_CHARACTERS
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]] if len(pieces) < MAX_PIECES else pieces


def _signatures_of(text: str, language_id: str) -> Signatures:
    data = text.encode("utf-8", "replace")
    tree = parse(data, language_id)
    found: dict[str, dict[str, None]] = {}
    extract = _EXTRACTORS[context_module_of(language_id)]
    for name, signature in extract(tree.root_node, SourceText(data)) if tree is not None else ():
        if name and signature.strip():
            found.setdefault(name, {})[signature] = None
    return {name: tuple(signatures) for name, signatures in found.items()}
