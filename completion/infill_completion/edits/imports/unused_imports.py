"""Imports that have lost their last use with changes of the user."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from infill_completion.document.lines import line_end, line_start
from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.history import Hunk
from infill_completion.edits.imports.lists import items_of
from infill_completion.edits.imports.reading.file_imports import statements_of
from infill_completion.edits.imports.reading.statement import ImportedName, ImportStatement, ends_its_line
from infill_completion.edits.proposal import Place
from infill_completion.edits.tokens import Lexeme, LexemeKind, tokens_of
from infill_completion.languages.registry import context_module_of

# Lines of imports, which are not the uses of their names.
_LINES = {
    "python": re.compile(r"^(?:import|from)[ \t][^\n\r]*", re.MULTILINE),
    "script": re.compile(r"^import[ \t][^\n\r]*", re.MULTILINE),
    "java": re.compile(r"^import[ \t][^\n\r]*", re.MULTILINE),
    "go": re.compile(r"^(?:import[ \t][^\n\r]*|\t(?:\w+ )?\"[^\n\r\"]*\"[ \t]*$)", re.MULTILINE),
    "rust": re.compile(r"^[ \t]*(?:pub[ \t]+)?use[ \t][^\n\r]*", re.MULTILINE),
}
_KEPT = re.compile(r"noqa|__all__|eslint-disable|nolint|allow\(")
# Traits of Rust's standard library, whose methods are called without naming them.
_TRAITS = frozenset(
    "Any BitAnd Borrow BorrowMut BufRead Debug Display Error FromStr Hash Hasher Read Seek Write".split()  # noqa: SIM905
)

# What the tags of JSX may be compiled to, and what ends one.
_OF_TAGS = frozenset({"React", "Preact", "h", "jsx"})
_TAG = re.compile(r"</|/>")


def unused_imports(hunks: Sequence[Hunk], document: EditedDocument) -> list[Place]:
    """Return the removal of imports whose last use was in what the user has replaced.

    Args:
        hunks: The changes.
        document: The document.
    """
    text, family = document.request.text, context_module_of(document.request.language_id)
    if family not in _LINES or "__all__" in text or any(hunk.uri.endswith("__init__.py") for hunk in hunks):
        return []
    lost = _lost_names(hunks, document, _LINES[family])
    statements = statements_of(text, family) if lost else []
    lost &= {name.name for statement in statements for name in statement.names}
    if not lost:
        return []
    unused = _Unused(document, statements, lost)
    written = {line.strip() for hunk in hunks for line in hunk.after if len(line.strip()) > 1}  # not a bracket alone
    return [
        place
        for statement in unused.statements
        if not {line.strip() for line in text[statement.start : statement.end].splitlines()} & written
        for place in unused.places(statement)
    ]


def _lost_names(hunks: Sequence[Hunk], document: EditedDocument, imports: re.Pattern[str]) -> set[str]:
    """Return the names that were used in what was replaced, and not in what took its place."""
    lost, language_id = set[str](), document.request.language_id
    for hunk in hunks:
        before, after = (imports.sub("", "".join(lines)) for lines in (hunk.before, hunk.after))
        dropped = _names(before, language_id) - _names(after, language_id)
        if dropped and not _awaits_definition(before, after, document):
            lost |= dropped
    return lost


def _awaits_definition(before: str, after: str, document: EditedDocument) -> bool:
    """Return whether a change brings in a private name that stands nowhere else: what defines it may use the import."""
    language_id = document.request.language_id
    fresh = {name for name in _names(after, language_id) - _names(before, language_id) if name.startswith("_")}
    uses = [token.text for token in tokens_of(after, language_id) if token.text in fresh]
    return any(sum(token.text == name for token in document.tokens) == uses.count(name) for name in fresh)


def _names(text: str, language_id: str) -> set[str]:
    return {token.text for token in tokens_of(text, language_id) if token.kind is LexemeKind.NAME}


class _Unused:
    """Looks for the imports of a document that nothing uses."""

    def __init__(self, document: EditedDocument, statements: Sequence[ImportStatement], lost: set[str]) -> None:
        self.statements = [one for one in statements if one.is_top and not one.is_public and one.names]
        self._text, self._family = document.request.text, context_module_of(document.request.language_id)
        spans = [(one.start, one.end) for one in statements]
        used = (token for token in document.tokens if token.kind is LexemeKind.NAME and token.text in lost)
        self._unused = lost - {token.text for token in used if not _is_in(token, spans)}
        if self._family != "go":  # Its compiler knows better than a comment.
            self._unused -= _mentioned(document.tokens, self._unused, spans)

    def places(self, statement: ImportStatement) -> Iterator[Place]:
        """Yield the removal of a statement, or of one name of its list."""
        start, end = line_start(self._text, statement.start), line_end(self._text, statement.end)
        gone = [name for name in statement.names if self._is_unused(name)]
        if not gone or _KEPT.search(self._text[start:end]) or not self._is_alone(statement, start):
            return
        if len(gone) == len(statement.names):
            end += 2 if self._text.startswith("\r\n", end) else 1
            yield start, min(end, len(self._text)), ""
        elif len(gone) == 1 and statement.members is not None:
            yield from _from_list(self._text, statement.members, gone[0])

    def _is_unused(self, name: ImportedName) -> bool:
        if self._family == "rust" and (name.name in _TRAITS or name.name.endswith("Ext")):
            return False
        if name.name in _OF_TAGS and _TAG.search(self._text):
            return False
        return name.name in self._unused

    def _is_alone(self, statement: ImportStatement, start: int) -> bool:
        """Return whether nothing but a comment is on the lines of a statement, and no attribute is above."""
        before = self._text[start : statement.start].strip()
        is_attributed = self._family == "rust" and self._text[:start].rstrip().endswith("]")
        return not before and not is_attributed and ends_its_line(self._text, statement.end)


def _is_in(token: Lexeme, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= token.start < end for start, end in spans)


def _mentioned(tokens: Sequence[Lexeme], names: set[str], spans: Sequence[tuple[int, int]]) -> set[str]:
    """Return those of some names that strings and comments outside of imports speak of."""
    if not names:
        return set()
    word = re.compile(rf"(?<![\w$])(?:{'|'.join(map(re.escape, sorted(names)))})(?![\w$])")
    others = (token for token in tokens if token.kind in {LexemeKind.STRING, LexemeKind.COMMENT})
    return {name for token in others for name in word.findall(token.text) if not _is_in(token, spans)}


def _from_list(text: str, members: tuple[int, int], name: ImportedName) -> Iterator[Place]:
    """Yield the removal of a name from a list: with its line if it is alone there."""
    items = items_of(text, *members)
    index = next((index for index, item in enumerate(items) if _binds(item[2], name)), -1)
    if index < 0 or len(items) < 2:
        return
    start, end, _ = items[index]
    first, last = line_start(text, start), line_end(text, end)
    if not text[first:start].strip() and text[end:last].strip() == ",":
        yield first, last + (2 if text.startswith("\r\n", last) else 1), ""
    elif index + 1 < len(items):
        yield start, items[index + 1][0], ""
    else:
        yield items[index - 1][1], end, ""


def _binds(item: str, name: ImportedName) -> bool:
    words = item.removeprefix("type ").split()
    return words == [name.name] or (len(words) == 3 and words[0] == name.member and words[2] == name.name)
