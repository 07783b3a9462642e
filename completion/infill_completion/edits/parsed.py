"""The syntax tree of the document in which edits are proposed."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from infill_completion.edits.proposal import Proposal
from infill_completion.languages.syntax.document_tree import difference
from infill_completion.languages.syntax.parser import move, new_parser, to_ascii

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Point, Tree

# Documents whose trees are kept; each is brought up to date with the next request.
MAX_TREES = 4
_LONE_RETURN = re.compile(r"\r(?!\n)")


class StoppedError(Exception):
    """Someone else needs the time."""


class Parsers:
    """Parses documents again and again, from what has changed.

    It belongs to one thread at a time. Offsets in its trees are code points: each character beyond ASCII is one letter.

    Args:
        is_stopped: Whether to give up; asked often.
    """

    def __init__(self, is_stopped: Callable[[], bool]) -> None:
        self.is_stopped = is_stopped
        self._parsers: dict[str, Parser | None] = {}
        self._trees: OrderedDict[tuple[str, str], tuple[str, Tree]] = OrderedDict()

    def check(self) -> None:
        """Raise an error if someone else needs the time.

        Raises:
            StoppedError: It was stopped.
        """
        if self.is_stopped():
            raise StoppedError

    def tree(self, uri: str, language_id: str, text: str) -> Tree | None:
        """Return the tree of a document; None without a grammar.

        Raises:
            StoppedError: It was stopped.
        """
        key = uri, language_id
        known = self._trees.pop(key, None)
        if known is not None and known[0] == text:
            tree: Tree | None = known[1]
        elif known is not None:
            former = known[1].copy()
            move(former, *difference(known[0], text))
            tree = self._parse(language_id, text, former)
        else:
            tree = self._parse(language_id, text, None)
        if tree is not None:
            self._trees[key] = text, tree
            while len(self._trees) > MAX_TREES:
                self._trees.popitem(last=False)
        return tree

    def kept(self, uri: str) -> tuple[str, str, Tree] | None:
        """Return the language, the text and the tree of a document at its last request; None if it is not kept."""
        found = ((key[1], *kept) for key, kept in self._trees.items() if key[0] == uri)
        return next(found, None)

    def edited(self, tree: Tree, language_id: str, text: str, proposals: Sequence[Proposal]) -> Tree | None:
        """Return the tree of ``text``, whose tree is ``tree``, with ``proposals`` applied."""
        copy = tree.copy()
        for proposal in sorted(proposals, key=lambda proposal: -proposal.start):
            end = proposal.start + len(proposal.text)
            move(copy, proposal.start, proposal.end, end)
        return self._parse(language_id, applied(text, proposals), copy)

    def forget(self, uri: str) -> None:
        """Forget the trees of a document."""
        for key in [key for key in self._trees if key[0] == uri]:
            del self._trees[key]

    def _parse(self, language_id: str, text: str, former: Tree | None) -> Tree | None:
        if language_id not in self._parsers:
            self._parsers[language_id] = new_parser(language_id)
        parser = self._parsers[language_id]
        if parser is None:
            return None
        self.check()
        source = to_ascii(_LONE_RETURN.sub("\n", text) if "\r" in text else text)

        def read(start: int, _point: Point) -> bytes:
            return source[start : start + 65_536]

        def is_over(_offset: int, _has_error: bool) -> bool:
            return self.is_stopped()

        try:
            if former is None:
                return parser.parse(read, progress_callback=is_over)
            return parser.parse(read, former, progress_callback=is_over)
        except ValueError as error:
            parser.reset()
            raise StoppedError from error


def applied(text: str, proposals: Sequence[Proposal]) -> str:
    """Return ``text`` with proposals applied, which do not overlap."""
    pieces, at = [], 0
    for proposal in sorted(proposals, key=lambda proposal: proposal.start):
        pieces += [text[at : proposal.start], proposal.text]
        at = proposal.end
    return "".join([*pieces, text[at:]])


def errors(tree: Tree) -> list[Node]:
    """Return the outermost errors of a tree, from top to bottom; only what has errors is looked at."""
    found: list[Node] = []
    waiting = [tree.root_node]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            found.append(node)
        elif node.has_error:
            waiting += reversed(node.children)
    return found


def merged(text: str, proposals: Sequence[Proposal]) -> Proposal:
    """Return the one proposal that makes all of several."""
    start, end = min(one.start for one in proposals), max(one.end for one in proposals)
    edited = applied(text, proposals)
    return Proposal(start, end, edited[start : len(edited) - (len(text) - end)], proposals[0].kind)
