"""Names that the user has changed, and where else they are to change."""

from __future__ import annotations

from itertools import islice

from infill_completion.edits.by_example.examples import Example, examples_of
from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.history import EditHistory, Hunk
from infill_completion.edits.imports.renamed_exports import is_defined_for_others, places_elsewhere
from infill_completion.edits.names.renaming import renamed_places
from infill_completion.edits.names.rules import rules_of
from infill_completion.edits.parsed import Parsers
from infill_completion.edits.proposal import EditRequest, Place

# So many last changes may tell what a name has become.
_LAST = 8


class ChangedNames:
    """Finds where names that have changed are to change too.

    Args:
        document: The document of the request.
        history: What the user has changed.
        parsers: Hold the trees of the documents.
    """

    def __init__(self, document: EditedDocument, history: EditHistory, parsers: Parsers) -> None:
        self._document, self._history, self._parsers = document, history, parsers

    def places(self, hunk: Hunk, latest: Example, *, at_definition: bool = False) -> list[Place] | None:
        """Return where else in its document a name is to change; None if nothing but its text tells what it is.

        ``at_definition`` says that nothing follows from changes at uses.
        """
        document = self._document
        if latest.renamed is None:
            return None
        if hunk.uri != document.request.uri:
            kept = self._parsers.kept(hunk.uri)
            if kept is None:  # What the name is in the other document is not known here.
                return None if rules_of(document.request.language_id) is None else []
            language_id, text, tree = kept
            document = EditedDocument.of(EditRequest(hunk.uri, 0, language_id, text, 0), tree)
            start, end = document.span(hunk.first, hunk.end)
            if text[start:end] != "".join(hunk.after):
                return []
        if document.tree is None:
            return None
        changed, request = self._ranges(document, hunk, latest), document.request
        history = self._history.of(hunk.uri)
        brought = [
            document.span(other.first, other.end)
            for other in (history.hunks if history is not None else ())
            if other.number >= hunk.number and latest.renamed[1] not in "".join(other.before)
        ]
        return renamed_places(
            document.tree, request.text, request.language_id, latest.renamed, changed,
            brought=brought, at_definition=at_definition, is_sure=self._has_changed_elsewhere(hunk, latest),
        )  # fmt: skip

    def elsewhere(self, hunk: Hunk, latest: Example) -> list[Place]:
        """Return where the document names what has been renamed where another one defines it for others."""
        kept, rules = self._parsers.kept(hunk.uri), rules_of(self._document.request.language_id)
        if latest.renamed is None or kept is None or rules is None:
            return []
        language_id, text, tree = kept
        other = EditedDocument.of(EditRequest(hunk.uri, 0, language_id, text, 0), tree)
        start, end = other.span(hunk.first, hunk.end)
        if text[start:end] != "".join(hunk.after) or rules_of(language_id) is None:
            return []
        changed = self._ranges(other, hunk, latest)
        if not is_defined_for_others(tree, text, latest.renamed, changed, rules):
            return []
        return places_elsewhere(self._document, latest.renamed, hunk.uri, text)

    def _has_changed_elsewhere(self, hunk: Hunk, latest: Example) -> bool:
        """Return whether one of the last changes of other documents is the same change of a name."""
        others = (other for other in islice(self._history.latest(), _LAST) if other.uri != hunk.uri)
        language_id = self._document.request.language_id
        return any(one.renamed == latest.renamed for other in others for one in examples_of(other, language_id))

    def _ranges(self, document: EditedDocument, hunk: Hunk, latest: Example) -> list[tuple[int, int]]:
        """Return where the user has changed a name in the same way, that of ``hunk`` first."""
        history = self._history.of(hunk.uri)
        others = [other for other in reversed(history.hunks) if other is not hunk] if history is not None else []
        return [
            (start + first, start + end)
            for other in (hunk, *others)
            for start in [document.span(other.first, other.end)[0]]
            for example in examples_of(other, document.request.language_id)
            if example.renamed == latest.renamed
            for first, end in example.spans()
        ]
