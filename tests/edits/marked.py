"""Texts with marks: what the user changes, and what should be proposed.

``«old⟶new»`` is a change by the user, in the order of the text, or of the digit that precedes it: ``«2:old⟶new»``.
``[[old⟶new]]`` is a change that should be proposed. The cursor is after the last change of the user.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from infill_completion.document.changes import ChangeClock, ChangeLog
from infill_completion.edits.history import EditHistory
from infill_completion.edits.imports.families import FAMILIES
from infill_completion.edits.imports.import_table import ImportTable
from infill_completion.edits.imports.reading.file_imports import read_imports
from infill_completion.edits.proposal import EditRequest, NextEditsAnswer, Proposal
from infill_completion.edits.proposer import Proposer
from infill_completion.edits.rejections import Rejections
from infill_completion.languages.registry import context_module_of
from infill_server.lsp.positions import Units
from infill_server.lsp.text import DocumentText

_MARK = re.compile(r"«(?:(\d):)?(.*?)⟶(.*?)»|\[\[(.*?)⟶(.*?)\]\]", re.DOTALL)


@dataclass(frozen=True)
class Change:
    """A range of a text, and what takes its place."""

    order: int
    start: int
    old: str
    new: str


def read(marked: str) -> tuple[str, list[Change], list[Change]]:
    """Return the text before all changes, those of the user in their order, and the expected ones."""
    pieces, made, expected, at, length = [], list[Change](), list[Change](), 0, 0
    for index, match in enumerate(_MARK.finditer(marked)):
        pieces.append(marked[at : match.start()])
        length += match.start() - at
        order, old, new, wanted, becomes = match.groups()
        if wanted is None:
            made.append(Change(int(order or index), length, old, new))
            pieces.append(old)
            length += len(old)
        else:
            expected.append(Change(index, length, wanted, becomes))
            pieces.append(wanted)
            length += len(wanted)
        at = match.end()
    pieces.append(marked[at:])
    return "".join(pieces), sorted(made, key=lambda change: change.order), expected


class Buffer:
    """A document that a user edits, with a history and a proposer."""

    def __init__(
        self, text: str, language_id: str = "python", uri: str = "file:///w/a.py", window: Window | None = None
    ) -> None:
        self.window = window or Window()
        self.uri, self.language_id, self.version, self.offset = uri, language_id, 1, 0
        self.files: dict[str, str] = {}  # texts of other files, by path
        self.log = ChangeLog(self.window.clock)
        self._text = DocumentText(text, Units.UTF32, self.log)

    @property
    def text(self) -> str:
        return str(self._text)

    def replace(self, start: int, end: int, new: str) -> None:
        from lsprotocol.types import Range

        self._text.replace(Range(self._text.position(start), self._text.position(end)), new)
        self.version += 1
        self.offset = start + len(new)

    def type_over(self, start: int, old: str, new: str) -> None:
        """Delete ``old`` backwards, then type ``new``, each one character a key; both as one where lines end."""
        if "\n" in old or "\r" in old:
            self.replace(start, start + len(old), "")
        else:
            for end in range(start + len(old), start, -1):
                self.replace(end - 1, end, "")
        self.offset = start
        for index, key in enumerate(new):
            self.replace(start + index, start + index, key)

    def ask(self, offset: int | None = None) -> NextEditsAnswer:
        self.window.history.add(self.uri, self.log.take())
        at = self.offset if offset is None else offset
        return self.window.proposer.propose(
            EditRequest(self.uri, self.version, self.language_id, self.text, at, self.uri),
            imports=self._imports(),
        )

    def _imports(self) -> ImportTable | None:
        family = context_module_of(self.language_id)
        if family not in FAMILIES:
            return None
        table = ImportTable(family)
        for path, text in self.files.items():
            table.put(read_imports(path, family, text))
        return table

    def take(self, proposal: Proposal) -> None:
        self.replace(proposal.start, proposal.end, proposal.text)


class Window:
    """The history of several buffers."""

    def __init__(self) -> None:
        self.clock, self.history, self.rejections = ChangeClock(), EditHistory(), Rejections()
        self.is_stopped = False
        self.proposer = Proposer(self.history, self.rejections, lambda: self.is_stopped)


def played(marked: str, language_id: str) -> tuple[Buffer, list[Change]]:
    """Return a buffer in which the user has made the changes, and the expected ones at their present offsets."""
    *others, (path, marked) = _files(marked)
    text, made, expected = read(marked)
    buffer = Buffer(text, language_id, path)
    buffer.files = dict(others)
    done: list[Change] = []
    for change in made:
        buffer.type_over(_moved(change.start, done), change.old, change.new)
        buffer.ask()
        done.append(change)
    return buffer, [Change(e.order, _moved(e.start, done), e.old, e.new) for e in expected]


def _files(marked: str) -> list[tuple[str, str]]:
    """Return path and text of each file: `--- path` begins one."""
    parts = re.split(r"^--- (\S+)\r?\n", marked, flags=re.MULTILINE)
    if len(parts) == 1:
        return [("file:///w/a.py", marked)]
    return [(f"/{path}", text) for path, text in zip(parts[1::2], parts[2::2], strict=True)]


def _moved(offset: int, done: list[Change]) -> int:
    return offset + sum(len(change.new) - len(change.old) for change in done if change.start < offset)
