"""The places at which a change is due, by each of the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from infill_completion.document.lines import line_at, line_start
from infill_completion.edits.awaiting import calls_to_await, made_async
from infill_completion.edits.by_example.drafts import Draft, draft_of, unified
from infill_completion.edits.by_example.examples import MAX_LINES, Example, examples_of
from infill_completion.edits.by_example.likeness import around, least_likeness, likeness, most_places
from infill_completion.edits.by_example.patterns import EditPattern, Match, matches
from infill_completion.edits.by_example.standing import Standing
from infill_completion.edits.by_example.track_record import track_record
from infill_completion.edits.changed_names import ChangedNames
from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.history import EditHistory, Hunk
from infill_completion.edits.imports.import_table import ImportTable
from infill_completion.edits.imports.missing_imports import first_due, missing_imports
from infill_completion.edits.imports.unbound_names import unbound_names
from infill_completion.edits.imports.unused_imports import unused_imports
from infill_completion.edits.mirrors.search import MirrorSearch
from infill_completion.edits.parameters import changed_calls, is_called
from infill_completion.edits.parsed import Parsers
from infill_completion.edits.proposal import EditKind, Place, Proposal
from infill_completion.edits.signatures import changed_signature

# Changes in which imports may have lost their last use, or which may need others.
LATEST = 8
# What follows from earlier ones than these the user does not want.
_NOT_DONE = 4
UNLIKE = "too little like the example"
TOO_COMMON = "there are too many such places; a second example is asked for"
REFUTED = "you have changed such a place in another way"
UNBOUND = "a name that you have brought in is not defined yet"
PASSED_OVER = "you have passed over such a place"


class EditCandidate:
    """What one rule makes of a change.

    Attributes:
        kind: The kind of the proposals.
        proposals: The places, each with the change that is due there.
        left_out: Places that the pattern fits where nothing is due, each with the reason.
        learnt: What was learnt from the change, to read.
        least: How much a place must be like the example; None if that was not asked for.
        examples: The number of changes that it was learnt from.
        goes_up: Whether the user makes the change from the end to the beginning.
    """

    def __init__(self, kind: EditKind, places: Iterable[Place] = (), learnt: str = "") -> None:
        self.kind, self.learnt = kind, learnt
        self.proposals = [Proposal(start, end, text, kind) for start, end, text in places]
        self.left_out: list[tuple[Proposal, str]] = []
        self.least: float | None = None
        self.examples = 1
        self.goes_up = False

    def leave_out(self, reason: str) -> None:
        """Leave out all places."""
        self.left_out += [(proposal, reason) for proposal in self.proposals]
        self.proposals = []


class EditCandidates:
    """Finds where the last change is due.

    Args:
        document: The document of the request.
        hunk: The last change, of this or of another document.
        history: What the user has changed before.
        parsers: Hold the trees of the documents.
        imports: What the workspace's other files import; None for a language whose imports are not read.
        is_explained: Whether to look for places, too, at which nothing will be proposed.
    """

    def __init__(
        self,
        document: EditedDocument,
        hunk: Hunk,
        history: EditHistory,
        parsers: Parsers,
        imports: ImportTable | None = None,
        *,
        is_explained: bool,
    ) -> None:
        self._document, self._hunk, self._is_explained = document, hunk, is_explained
        self._history, self._parsers, self._table, self._request = history, parsers, imports, document.request
        self._changed_names = ChangedNames(document, history, parsers)

    def all(self) -> Iterator[EditCandidate]:
        """Yield what each rule makes of the change, the surest first."""
        if not _is_written(self._hunk):
            yield from self._of_last()
            yield from self._left_over()
        else:
            if self._is_here(self._hunk):
                yield self._imports()
            if not is_large(self._hunk):
                yield from self._mirrored()

    def _of_last(self) -> Iterator[EditCandidate]:
        """Yield what each rule makes of a last change that is not new code."""
        is_here = self._is_here(self._hunk)
        examples = examples_of(self._hunk, self._request.language_id)
        if not examples:
            if is_here:
                yield self._imports()
            return
        latest = examples[-1]
        renamed = self._changed_names.places(self._hunk, latest)
        if is_here:
            yield from self._propagated(self._hunk, latest, renamed)
        elif latest.renamed is not None:
            yield EditCandidate(EditKind.RENAME, self._changed_names.elsewhere(self._hunk, latest))
        yield from self._mirrored()
        # A name that is known is another one elsewhere, however like the place.
        for pattern in self._patterns(latest) if renamed is None else ():
            if not pattern.anchor or pattern.anchor in self._request.text:
                yield self._by_example(pattern)
        if is_here:
            yield self._imports()
            yield self._unused_imports()

    def _is_here(self, hunk: Hunk) -> bool:
        """Return whether a change was made in the document of the request."""
        return hunk.uri == self._request.uri

    def _left_over(self) -> Iterator[EditCandidate]:
        """Yield what follows from earlier changes of definitions and has not been done yet, the latest first."""
        history, language_id = self._history.of(self._request.uri), self._request.language_id
        for hunk in reversed(history.hunks[-_NOT_DONE:] if history is not None else []):
            start, end = self._document.span(hunk.first, hunk.end)
            stands = self._request.text[start:end] == "".join(hunk.after) and not _is_written(hunk)
            examples = examples_of(hunk, language_id) if stands else []
            for example in reversed(examples[:-1] if hunk is self._hunk else examples):
                self._parsers.check()
                if _is_only_renamed(example, examples):
                    renamed = self._changed_names.places(hunk, example, at_definition=True)
                    yield from self._propagated(hunk, example, renamed)

    def _propagated(self, hunk: Hunk, latest: Example, renamed: list[Place] | None) -> Iterator[EditCandidate]:
        """Yield what follows from the change of a definition in the same document."""
        request = self._request
        signature = changed_signature(self._document, hunk, (latest.before, latest.after))
        if signature is not None and not is_called(signature, request.text):
            signature = None
        calls = changed_calls(signature, self._document) if signature is not None else []
        if renamed:
            yield EditCandidate(EditKind.RENAME, renamed + calls, " ⟶ ".join(latest.renamed or ()))
        name = made_async(latest, request.language_id)
        if name is not None and self._document.tree is not None:
            places = calls_to_await(self._document.tree, request.text, name, request.language_id)
            yield EditCandidate(EditKind.AWAIT, places, name)
        if calls and signature is not None:
            yield EditCandidate(EditKind.PARAMETER, calls, signature.old.name)

    def _mirrored(self) -> Iterator[EditCandidate]:
        """Yield what was added to a list, in the rows of items that mirror it."""
        for added, due in MirrorSearch(self._document, self._hunk, self._history, self._parsers).all():
            kind = EditKind.FIELD if added.are_fields else EditKind.BRANCH
            for one in due:
                candidate = EditCandidate(kind, [one.place], f"{one.learnt} with {', '.join(added.names)}")
                if one.objection:
                    candidate.leave_out(one.objection)
                yield candidate

    def _imports(self) -> EditCandidate:
        """Return the import of a name that changes brought in on lines that the cursor has left."""
        request, history = self._request, self._history.of(self._request.uri)
        if self._table is None or history is None:
            return EditCandidate(EditKind.IMPORT)
        typed = line_at(request.text, request.offset)
        found = missing_imports(history.hunks[-LATEST:], typed, self._document, self._table, request.path)
        return EditCandidate(EditKind.IMPORT, *first_due(found, is_explained=self._is_explained))

    def _unused_imports(self) -> EditCandidate:
        """Return the imports that lost their last use before the last change: what is moved is soon back.

        Names in a list are left until two more changes have been made: another one may take their place.
        """
        history, text = self._history.of(self._request.uri), self._request.text
        hunks = history.hunks if history is not None else []
        earlier = [hunk for hunk in hunks if hunk is not self._hunk]
        places = unused_imports(earlier[-LATEST:], self._document)
        lines = [place for place in places if is_whole_line(place, text)]
        if places and not lines:
            places = unused_imports(earlier[-LATEST:-1], self._document)
        candidate = EditCandidate(EditKind.UNUSED_IMPORT, lines or places)
        unbound = unbound_names(hunks, self._document) if candidate.proposals else set()
        if any(name.startswith("_") for name in unbound) or (unbound and not lines):
            candidate.leave_out(UNBOUND)
        return candidate

    def _by_example(self, pattern: EditPattern) -> EditCandidate:
        """Return the places that a pattern fits and that are like its examples."""
        kind = EditKind.EXAMPLE if pattern.examples == 1 else EditKind.TWO_EXAMPLES
        candidate = EditCandidate(kind, learnt=str(pattern))
        candidate.least, candidate.examples = least_likeness(pattern), pattern.examples
        if candidate.least > 1 and not self._is_explained:
            return candidate  # No place is as like the example as that.
        text, tokens = self._request.text, self._document.tokens
        standing = Standing(pattern, self._document, self._example_offset())
        for match in matches(pattern, text, tokens):
            self._parsers.check()
            if match.text == text[match.start : match.end] or _is_done(match, text):
                continue
            like = likeness(pattern, around(match, text, tokens))
            proposal = Proposal(match.start, match.end, match.text, kind, like)
            reason = UNLIKE if like < candidate.least else standing.objection(match)
            if reason:
                candidate.left_out.append((proposal, reason))
            else:
                candidate.proposals.append(proposal)
        self._ask_for_evidence(candidate, pattern)
        return candidate

    def _example_offset(self) -> int | None:
        """Return the offset of the last change in the document; None if it was made in another one."""
        if self._hunk.uri != self._request.uri or not self._hunk.after:
            return None
        line = self._hunk.after[0]
        return self._document.starts[self._hunk.first] + len(line) - len(line.lstrip())

    def _ask_for_evidence(self, candidate: EditCandidate, pattern: EditPattern) -> None:
        """Leave out all places if the user did something else at others that the pattern fits, or nothing."""
        most, text = most_places(pattern), self._request.text
        if not candidate.proposals:
            return
        if most is not None and len(candidate.proposals) > most:
            candidate.leave_out(TOO_COMMON)
            return
        record = track_record(pattern, self._history.latest(), self._request.uri, self._request.language_id)
        candidate.goes_up = record.goes_up
        if record.refuted:
            candidate.leave_out(REFUTED)
        elif any(record.is_between(line_at(text, proposal.start)) for proposal in candidate.proposals):
            candidate.leave_out(PASSED_OVER)

    def _patterns(self, latest: Example) -> Iterator[EditPattern]:
        """Yield the patterns of the last change: with an earlier one that is like it, or else alone."""
        draft = draft_of(latest)
        if draft is None:
            return
        both = self._with_earlier(draft)
        if both is not None:
            yield both
        elif (pattern := draft.pattern()) is not None:
            yield pattern

    def _with_earlier(self, draft: Draft) -> EditPattern | None:
        for earlier in self._history.latest():
            if earlier is self._hunk and len(earlier.after) == 1:
                continue
            examples = examples_of(earlier, self._request.language_id)
            for example in examples[:-1] if earlier is self._hunk else examples:
                self._parsers.check()
                other = draft_of(example)
                both = unified(draft, other) if other is not None else None
                if both is not None:
                    return both.pattern(examples=2)
        return None


def _is_only_renamed(example: Example, examples: Sequence[Example]) -> bool:
    """Return whether what else has changed in the lines around a changed name has that name, too.

    Where more has changed, a definition with the old name is often written anew.
    """
    names = example.renamed
    return names is None or all(names[0] in other.texts[0] and names[1] in other.texts[1] for other in examples)


def is_whole_line(place: Place, text: str) -> bool:
    """Return whether a place is one or more whole lines."""
    start, end, _ = place
    return start == line_start(text, start) and end == line_start(text, end)


def is_new(hunk: Hunk) -> bool:
    """Return whether a hunk is code that was not there before."""
    return not "".join(hunk.before).strip()


def _is_written(hunk: Hunk) -> bool:
    """Return whether a hunk is new code, and not only blank lines, as those of a formatter."""
    return is_new(hunk) and bool("".join(hunk.after).strip())


def is_large(hunk: Hunk) -> bool:
    """Return whether a hunk has more lines than an example may have."""
    return max(len(hunk.before), len(hunk.after)) > MAX_LINES


def _is_done(match: Match, text: str) -> bool:
    """Return whether the place already is as it would become, since what is inserted stands around it."""
    inner = text[match.start : match.end]
    at = match.text.find(inner) if inner else -1
    return at >= 0 and text[match.start - at : match.start - at + len(match.text)] == match.text
