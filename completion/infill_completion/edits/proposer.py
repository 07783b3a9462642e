"""Proposes next edits: from the last change of the user to the places where the same is due."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from infill_completion.document.lines import line_at, line_end, line_start
from infill_completion.edits.by_example.examples import MAX_LINES
from infill_completion.edits.candidates import LATEST, EditCandidate, EditCandidates, is_large, is_new
from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.explained import EditExplanation
from infill_completion.edits.history import EditHistory, Hunk
from infill_completion.edits.imports.import_table import ImportTable
from infill_completion.edits.imports.missing_imports import importable_names
from infill_completion.edits.parsed import Parsers, StoppedError, errors, merged
from infill_completion.edits.proposal import (
    EditKind,
    EditRequest,
    NextEditsAnswer,
    Place,
    Proposal,
    Silence,
    apart,
    lines_of,
)
from infill_completion.edits.rejections import Rejections
from infill_completion.edits.secrets import has_secret
from infill_completion.languages.syntax.parser import has_grammar

# Larger documents get no proposals.
MAX_CHARACTERS = 1_000_000
# Above, new code is looked at when its line is finished, or for imports only: to read 1 MB takes 20 ms of the next key.
_MAX_TYPED, _MAX_NEW = 50_000, 200_000
# More places than these are not like the one that was changed; of a name, the syntax tells which are its uses.
MAX_PLACES, MAX_USES = 100, 1000
_MAX_OFFERED = 500
# Kinds that may change what was changed before.
_IN_CHANGES = frozenset({EditKind.RENAME, EditKind.FIELD, EditKind.BRANCH})
REJECTED = "rejected or undone before"
BREAKS = "would be a syntax error"
TAKES_BACK = "takes back what you have changed"
ONLY_BLANKS = "changes nothing but blanks"


class Proposer:
    """Makes proposals; belongs to one thread at a time.

    Args:
        history: What the user has changed.
        rejections: What is not proposed again.
        is_stopped: Whether to give up; asked often.
    """

    def __init__(self, history: EditHistory, rejections: Rejections, is_stopped: Callable[[], bool]) -> None:
        self._history, self._rejections = history, rejections
        self._parsers = Parsers(is_stopped)
        self._offered: OrderedDict[int, None] = OrderedDict()  # hashes of lines before and after

    def propose(
        self, request: EditRequest, explanation: EditExplanation | None = None, imports: ImportTable | None = None
    ) -> NextEditsAnswer:
        """Return the proposals for a document, nearest after the cursor first.

        Args:
            request: The document.
            explanation: Filled in with what was looked at, if somebody wants to read it.
            imports: What the workspace's other files import; None for a language whose imports are not read.
        """
        try:
            answer = self._propose(request, explanation, imports)
        except StoppedError:
            answer = NextEditsAnswer(silence=Silence.SUPERSEDED)
        if explanation is not None:
            explanation.silence = answer.silence
        return answer

    def judge(
        self, request: EditRequest, places: Sequence[Place], notes: EditExplanation | None = None
    ) -> tuple[Proposal, ...]:
        """Return those edits of a model that may be proposed, the nearest after the cursor first.

        Args:
            request: The document.
            places: What the model changes.
            notes: Filled in with what came of each.
        """
        try:
            return self._judge(request, EditCandidate(EditKind.MODEL, places), notes)
        except StoppedError:
            return ()

    def forget(self, uri: str) -> None:
        """Forget a document."""
        self._parsers.forget(uri)

    def _propose(
        self, request: EditRequest, notes: EditExplanation | None, imports: ImportTable | None
    ) -> NextEditsAnswer:
        hunk = next(self._history.latest(), None)
        reason = self._refusal(request, hunk, imports)
        if notes is not None and hunk is not None and not has_secret(hunk, _text_of(hunk, request)):
            notes.example(hunk)
        if hunk is None or reason is not None:
            return NextEditsAnswer(silence=reason)
        document = EditedDocument.of(request, self._parsers.tree(request.uri, request.language_id, request.text))
        if document.tree is None and has_grammar(request.language_id):
            return NextEditsAnswer(silence=Silence.TOO_LARGE)
        found_errors = errors(document.tree) if document.tree is not None else []
        if hunk.uri == request.uri and any(
            document.is_near(node.start_byte, node.end_byte, hunk) for node in found_errors
        ):
            return NextEditsAnswer(silence=Silence.TYPING if is_new(hunk) else Silence.BROKEN)
        silence = _silence_after(hunk)
        for candidate in EditCandidates(
            document, hunk, self._history, self._parsers, imports, is_explained=notes is not None
        ).all():
            self._parsers.check()
            found = self._judged(document, candidate)
            kept = [proposal for proposal, reason in found if not reason]
            if any(reason == REJECTED for _, reason in found) and not kept:
                silence = Silence.REJECTED
            elif kept and not self._keeps_syntax(document, kept, len(found_errors)):
                silence = Silence.WOULD_BREAK
                kept, found = [], [(proposal, reason or BREAKS) for proposal, reason in found]
            if notes is not None:
                notes.add(candidate, request.text, found)
            if kept:
                self._offer(request, kept)
                return NextEditsAnswer(tuple(_ordered(kept, request.offset, goes_up=candidate.goes_up)))
        return NextEditsAnswer(silence=silence)

    def _judge(
        self, request: EditRequest, candidate: EditCandidate, notes: EditExplanation | None
    ) -> tuple[Proposal, ...]:
        tree = self._parsers.tree(request.uri, request.language_id, request.text)
        if tree is None and has_grammar(request.language_id):
            return ()
        document, count = EditedDocument.of(request, tree), len(errors(tree)) if tree is not None else 0
        found = [
            (proposal, reason or self._objection(request, proposal))
            for proposal, reason in self._judged(document, candidate)
        ]
        kept = [proposal for proposal, reason in found if not reason]
        # One is shown at a time, so that each must do alone; if none does, all together may.
        alone = [proposal for proposal in kept if self._keeps_syntax(document, [proposal], count)]
        if not alone and 1 < len(kept) == len(found) and self._keeps_syntax(document, kept, count):
            whole = merged(request.text, kept)
            reason = REJECTED if self._is_rejected(request, whole) else ""
            found, alone = [(whole, reason)], [] if reason else [whole]
        else:
            found = [(proposal, reason or ("" if proposal in alone else BREAKS)) for proposal, reason in found]
        if notes is not None:
            notes.add(candidate, request.text, found)
        self._offer(request, alone)
        return tuple(_ordered(alone, request.offset))

    def _objection(self, request: EditRequest, proposal: Proposal) -> str:
        """Return what speaks against an edit of a model; empty if nothing does."""
        if request.text[proposal.start : proposal.end].split() == proposal.text.split():
            return ONLY_BLANKS
        history, (before, after) = self._history.of(request.uri), lines_of(request.text, proposal)
        for hunk in history.hunks if history is not None else ():
            old, new = "".join(hunk.before).strip(), "".join(hunk.after).strip()
            is_back = not new and proposal.start == proposal.end and proposal.text.strip() == old
            if is_back or (before.strip(), after.strip()) == (new, old):
                return TAKES_BACK
        return ""

    def _judged(self, document: EditedDocument, candidate: EditCandidate) -> list[tuple[Proposal, str]]:
        """Return the places with the reason why each is left out, empty for those that are not."""
        found = self._allowed(document, candidate)
        kept = [proposal for proposal, reason in found if not reason]
        if len(kept) > (MAX_USES if candidate.kind is EditKind.RENAME else MAX_PLACES):
            return [(proposal, reason or "one of too many") for proposal, reason in found]
        free = {id(proposal) for proposal in apart(kept)}
        return [(proposal, reason or self._verdict(document, proposal, free)) for proposal, reason in found]

    def _verdict(self, document: EditedDocument, proposal: Proposal, free: set[int]) -> str:
        """Return why a place is left out that is one of few; empty if it is not."""
        if id(proposal) not in free:
            return "around another one"
        self._parsers.check()
        return REJECTED if self._is_rejected(document.request, proposal) else ""

    def _offer(self, request: EditRequest, proposals: Sequence[Proposal]) -> None:
        """Remember what a hunk looks like that is one of the proposals, taken."""
        for proposal in proposals:
            before, after = lines_of(request.text, proposal)
            self._offered |= {hash((request.uri, before, after)): None, hash((request.uri, after)): None}
        while len(self._offered) > _MAX_OFFERED:
            self._offered.popitem(last=False)

    def _was_offered(self, hunk: Hunk, line: str) -> bool:
        """Return whether the last change is a proposal that was taken, or made ``line`` together with others."""
        before, after = ("".join(lines).rstrip("\r\n") for lines in (hunk.before, hunk.after))
        return hash((hunk.uri, before, after)) in self._offered or hash((hunk.uri, line)) in self._offered

    def _refusal(self, request: EditRequest, hunk: Hunk | None, imports: ImportTable | None) -> Silence | None:
        if hunk is None:
            return Silence.NO_EDIT
        for uri in {request.uri, hunk.uri}:
            history = self._history.of(uri)
            if history is not None and history.is_undone:
                return Silence.UNDONE
        is_no_example = is_large(hunk) and not self._may_import(request, hunk, imports)
        if is_no_example or len(request.text) > MAX_CHARACTERS:
            return Silence.TOO_LARGE
        if is_new(hunk) and (not has_grammar(request.language_id) or self._is_typed(request, hunk, imports)):
            return Silence.TYPING
        if has_secret(hunk, _text_of(hunk, request)):
            return Silence.MASKED
        return None

    def _is_typed(self, request: EditRequest, hunk: Hunk, imports: ImportTable | None) -> bool:
        """Return whether it is too soon, or takes too long, to look at new code in a long document."""
        if len(request.text) <= _MAX_TYPED or hunk.uri != request.uri:
            return False
        start, end = line_start(request.text, request.offset), line_end(request.text, request.offset)
        is_on_it = hunk.first <= line_at(request.text, request.offset) < hunk.end
        is_silent = (is_on_it and request.text[start:end].strip()) or len(request.text) > _MAX_NEW
        return bool(is_silent) and not self._may_import(request, hunk, imports)

    def _may_import(self, request: EditRequest, hunk: Hunk, imports: ImportTable | None) -> bool:
        """Return whether a change has brought in names that other files import."""
        history = self._history.of(request.uri)
        if hunk.uri != request.uri or imports is None or history is None:
            return False
        typed = line_at(request.text, request.offset)
        return bool(importable_names(history.hunks[-LATEST:], typed, request.language_id, imports))

    def _allowed(self, document: EditedDocument, candidate: EditCandidate) -> list[tuple[Proposal, str]]:
        """Return the places with the reason why each is left out, empty for those that are not.

        Left out are those on the cursor's line and those in what was changed just now.
        """
        request = document.request
        typed = line_start(request.text, request.offset), line_end(request.text, request.offset)
        latest = next(self._history.latest(), None)
        is_here = latest is not None and latest.uri == request.uri
        was_offered = latest is not None and is_here and self._was_offered(latest, request.text[slice(*typed)])
        if was_offered or (candidate.kind is EditKind.RENAME and not is_here):
            typed = len(request.text) + 1, -1  # The line was not typed.
        history = self._history.of(request.uri)
        changed = [
            document.span(hunk.first, hunk.end)
            for hunk in (history.hunks if history is not None and candidate.kind not in _IN_CHANGES else ())
            if (candidate.kind is EditKind.MODEL or not is_new(hunk)) and len(hunk.after) <= MAX_LINES
        ]
        found = []
        for proposal in candidate.proposals:
            start, end = proposal.start, proposal.end
            if typed[0] <= end and start <= typed[1]:
                reason = "on the line of the cursor"
            elif any(end > low and start < high for low, high in changed):
                reason = "in what was changed before"
            else:
                reason = ""
            found.append((proposal, reason))
        return found

    def _is_rejected(self, request: EditRequest, proposal: Proposal) -> bool:
        before, after = lines_of(request.text, proposal)
        if self._rejections.holds(request.uri, before, after):
            return True
        history = self._history.of(request.uri)
        undone = history.undone if history is not None else ()
        return any(
            ("".join(old).strip(), "".join(new).strip()) == (before.strip(), after.strip()) for old, new in undone
        )

    def _keeps_syntax(self, document: EditedDocument, proposals: Sequence[Proposal], count: int) -> bool:
        request, tree = document.request, document.tree
        if tree is None:
            return True
        edited = self._parsers.edited(tree, request.language_id, request.text, proposals)
        return edited is not None and len(errors(edited)) <= count


def _text_of(hunk: Hunk, request: EditRequest) -> str | None:
    return request.text if hunk.uri == request.uri else None


def _silence_after(hunk: Hunk) -> Silence:
    """Return why nothing is proposed after a change if no rule finds anything."""
    if is_large(hunk):
        return Silence.TOO_LARGE
    return Silence.TYPING if is_new(hunk) else Silence.NOTHING_LIKE_IT


def _ordered(proposals: Sequence[Proposal], offset: int, *, goes_up: bool = False) -> list[Proposal]:
    """Return proposals as a reader would go through them: down from the cursor, then from the top.

    If the user goes up, they begin at the cursor too, and then at the end.
    """
    if goes_up:
        return sorted(proposals, key=lambda proposal: (proposal.start > offset, -proposal.start))
    return sorted(proposals, key=lambda proposal: (proposal.start < offset, proposal.start))
