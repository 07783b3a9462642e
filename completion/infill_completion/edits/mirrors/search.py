"""What the last change added to a list, and the rows in which it is due."""

from __future__ import annotations

from collections.abc import Iterator

from infill_completion.edits.by_example.examples import MAX_LINES
from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.history import EditHistory, Hunk
from infill_completion.edits.mirrors.added import AddedItems, added_items, added_range
from infill_completion.edits.mirrors.mirrored import DueItems, mirrored
from infill_completion.edits.mirrors.records import records
from infill_completion.edits.parsed import Parsers
from infill_completion.edits.proposal import EditRequest
from infill_completion.edits.tokens import LexemeKind, tokens_of

# How many earlier changes may have added what the last one makes known.
_MAX_EARLIER = 8


class MirrorSearch:
    """Finds where what was added to a list is due.

    What an earlier change added is due, too, where the last one has brought in a variable of that name.

    Args:
        document: The document of the request.
        hunk: The last change, of this or of another document.
        history: What the user has changed before.
        parsers: Hold the trees of the documents.
    """

    def __init__(self, document: EditedDocument, hunk: Hunk, history: EditHistory, parsers: Parsers) -> None:
        self._document, self._hunk, self._history, self._parsers = document, hunk, history, parsers

    def all(self) -> Iterator[tuple[AddedItems, list[DueItems]]]:
        """Yield what was added to lists, that of the last change first, with what is due because of each."""
        for hunk in (self._hunk, *self._earlier()):
            self._parsers.check()
            added = self._added(hunk)
            if added is not None and not (hunk is self._hunk and self._is_being_typed(added)):
                is_here = hunk.uri == self._document.request.uri
                due = list(mirrored(added, self._document, self._parsers.check, is_here=is_here))
                places = [one.place for one in due]
                yield added, due + [one for one in records(added, self._document) if one.place not in places]

    def _earlier(self) -> Iterator[Hunk]:
        """Yield earlier changes that brought in a name that is in the last one as well."""
        uri, language_id = self._document.request.uri, self._document.request.language_id
        history = self._history.of(uri)
        if history is None or self._hunk.uri != uri:
            return
        brought = _names(self._hunk.after, language_id) - _names(self._hunk.before, language_id)
        for hunk in history.hunks[-2 : -2 - _MAX_EARLIER : -1]:
            if not brought.isdisjoint(_names(hunk.after, language_id) - _names(hunk.before, language_id)):
                yield hunk

    def _added(self, hunk: Hunk) -> AddedItems | None:
        document = self._document_of(hunk)
        if document is None or document.tree is None or max(len(hunk.before), len(hunk.after)) > MAX_LINES:
            return None
        language_id, text = document.request.language_id, document.request.text
        span = added_range("".join(hunk.before), "".join(hunk.after), language_id)
        if span is None:
            return None
        start = document.span(hunk.first, hunk.end)[0]
        return added_items(document.tree, text, (start + span[0], start + span[1]), language_id)

    def _document_of(self, hunk: Hunk) -> EditedDocument | None:
        """Return the document of a change; None if its text is not known any more."""
        if hunk.uri == self._document.request.uri:
            return self._document
        kept = self._parsers.kept(hunk.uri)
        if kept is None:
            return None
        language_id, text, tree = kept
        document = EditedDocument.of(EditRequest(hunk.uri, 0, language_id, text, 0), tree)
        start, end = document.span(hunk.first, hunk.end)
        return document if text[start:end] == "".join(hunk.after) else None

    def _is_being_typed(self, added: AddedItems) -> bool:
        """Return whether the cursor is in the last name, so that it may go on."""
        start, end = added.typed
        is_here = self._hunk.uri == self._document.request.uri
        return is_here and start < self._document.request.offset <= end


def _names(lines: tuple[str, ...], language_id: str) -> set[str]:
    tokens = tokens_of("".join(lines), language_id) if len(lines) <= MAX_LINES else []
    return {token.text for token in tokens if token.kind is LexemeKind.NAME}
