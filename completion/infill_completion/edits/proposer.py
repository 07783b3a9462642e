"""Proposes next edits: from the last change of the user to the places where the same is due."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence

from infill_completion.document.lines import line_end, line_start
from infill_completion.edits.awaiting import calls_to_await, made_async
from infill_completion.edits.drafts import Draft, draft_of, unified
from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.examples import MAX_LINES, Example, examples_of
from infill_completion.edits.history import EditHistory, Hunk
from infill_completion.edits.likeness import around, least_likeness, likeness
from infill_completion.edits.missing_imports import missing_imports
from infill_completion.edits.names.renaming import renamed_places
from infill_completion.edits.names.rules import rules_of
from infill_completion.edits.parameters import changed_calls, changed_signature, is_called
from infill_completion.edits.parsed import Parsers, StoppedError, errors
from infill_completion.edits.patterns import EditPattern, Match, matches
from infill_completion.edits.proposal import EditKind, EditRequest, NextEditsAnswer, Place, Proposal, Silence, lines_of
from infill_completion.edits.rejections import Rejections
from infill_completion.edits.unused_imports import unused_imports
from infill_completion.languages.syntax.parser import has_grammar
from infill_completion.privacy.masking import mask_secrets

# Larger documents get no proposals.
MAX_CHARACTERS = 1_000_000
# More places than these are not like the one that was changed.
MAX_PLACES = 100
_MAX_OFFERED = 500


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

    def propose(self, request: EditRequest) -> NextEditsAnswer:
        """Return the proposals for a document, nearest after the cursor first."""
        try:
            return self._propose(request)
        except StoppedError:
            return NextEditsAnswer(silence=Silence.SUPERSEDED)

    def forget(self, uri: str) -> None:
        """Forget a document."""
        self._parsers.forget(uri)

    def _propose(self, request: EditRequest) -> NextEditsAnswer:
        hunk = next(self._history.latest(), None)
        reason = self._refusal(request, hunk)
        if hunk is None or reason is not None:
            return NextEditsAnswer(silence=reason)
        document = EditedDocument.of(request, self._parsers.tree(request.uri, request.language_id, request.text))
        if document.tree is None and has_grammar(request.language_id):
            return NextEditsAnswer(silence=Silence.TOO_LARGE)
        found_errors = errors(document.tree) if document.tree is not None else []
        if hunk.uri == request.uri and any(
            document.is_near(node.start_byte, node.end_byte, hunk) for node in found_errors
        ):
            return NextEditsAnswer(silence=Silence.BROKEN)
        silence = Silence.NOTHING_LIKE_IT
        for found in self._candidates(document, hunk):
            self._parsers.check()
            kept = [proposal for proposal in found if not self._is_rejected(request, proposal)]
            if found and not kept:
                silence = Silence.REJECTED
            elif kept and not self._keeps_syntax(document, kept, len(found_errors)):
                silence = Silence.WOULD_BREAK
            elif kept:
                self._offer(request, kept)
                return NextEditsAnswer(tuple(_ordered(kept, request.offset)))
        return NextEditsAnswer(silence=silence)

    def _offer(self, request: EditRequest, proposals: Sequence[Proposal]) -> None:
        """Remember what a hunk looks like that is one of the proposals, taken."""
        for proposal in proposals:
            self._offered[hash((request.uri, *lines_of(request.text, proposal)))] = None
        while len(self._offered) > _MAX_OFFERED:
            self._offered.popitem(last=False)

    def _was_offered(self, hunk: Hunk) -> bool:
        before, after = ("".join(lines).rstrip("\r\n") for lines in (hunk.before, hunk.after))
        return hash((hunk.uri, before, after)) in self._offered

    def _refusal(self, request: EditRequest, hunk: Hunk | None) -> Silence | None:
        if hunk is None:
            return Silence.NO_EDIT
        for uri in {request.uri, hunk.uri}:
            history = self._history.of(uri)
            if history is not None and history.is_undone:
                return Silence.UNDONE
        if max(len(hunk.before), len(hunk.after)) > MAX_LINES or len(request.text) > MAX_CHARACTERS:
            return Silence.TOO_LARGE
        if _is_new(hunk) and not (request.others and request.language_id == "python"):
            return Silence.TYPING
        if any(mask_secrets("".join(lines)).kinds for lines in (hunk.before, hunk.after)):
            return Silence.MASKED
        return None

    def _candidates(self, document: EditedDocument, hunk: Hunk) -> Iterator[list[Proposal]]:
        """Yield the proposals of each kind, the surest first."""
        request = document.request
        language_id = request.language_id
        if _is_new(hunk):
            yield self._imports(document, hunk)
            return
        examples = examples_of(hunk, language_id)
        if not examples:
            return
        latest = examples[-1]
        signatures = changed_signature(latest, language_id) if hunk.uri == request.uri else None
        if signatures is not None and not is_called(signatures[0].name, request.text):
            signatures = None
        calls = changed_calls(signatures, document) if signatures is not None else []
        renamed = self._renamed_places(document, hunk, latest)
        if renamed and hunk.uri == request.uri:
            yield self._allowed(document, renamed + calls, EditKind.RENAME)
        name = made_async(latest, language_id) if hunk.uri == request.uri else None
        if name is not None and document.tree is not None:
            places = calls_to_await(document.tree, request.text, name, language_id)
            yield self._allowed(document, places, EditKind.AWAIT)
        if calls:
            yield self._allowed(document, calls, EditKind.PARAMETER)
        # A name that is known is another one elsewhere, however like the place.
        for pattern in self._patterns(latest, hunk, language_id) if renamed is None else ():
            if pattern.anchor and pattern.anchor not in request.text:
                continue
            tokens = document.tokens
            least = least_likeness(pattern)
            places = [
                (match.start, match.end, match.text)
                for match in self._checked(matches(pattern, request.text, tokens))
                if match.text != request.text[match.start : match.end]
                and not _is_done(match, request.text)
                and likeness(pattern, around(match, request.text, tokens)) >= least
            ]
            kind = EditKind.EXAMPLE if pattern.examples == 1 else EditKind.TWO_EXAMPLES
            yield self._allowed(document, places, kind)
        if hunk.uri == request.uri:
            yield self._imports(document, hunk)
            yield self._allowed(
                document, unused_imports(hunk, request.text, document.tokens, language_id), EditKind.UNUSED_IMPORT
            )

    def _imports(self, document: EditedDocument, hunk: Hunk) -> list[Proposal]:
        """Return the import of a name that a hunk uses on lines that the cursor has left."""
        request = document.request
        if request.language_id != "python" or document.tree is None or hunk.uri != request.uri:
            return []
        typed = request.text.count("\n", 0, request.offset) - hunk.first
        lines = tuple(line for index, line in enumerate(hunk.after) if index != typed)
        places = missing_imports((hunk.before, lines), document.tree, request.text, request.others)
        return self._allowed(document, places, EditKind.IMPORT)

    def _checked(self, found: Iterable[Match]) -> Iterator[Match]:
        """Yield matches as long as nobody else needs the time."""
        for match in found:
            self._parsers.check()
            yield match

    def _patterns(self, latest: Example, hunk: Hunk, language_id: str) -> Iterator[EditPattern]:
        """Yield the patterns of the last change: with an earlier one that is like it, or else alone."""
        draft = draft_of(latest)
        if draft is None:
            return
        both = self._with_earlier(draft, hunk, language_id)
        if both is not None:
            yield both
        elif (pattern := draft.pattern()) is not None and least_likeness(pattern) <= 1.0:
            yield pattern

    def _with_earlier(self, draft: Draft, hunk: Hunk, language_id: str) -> EditPattern | None:
        for earlier in self._history.latest():
            if earlier is hunk and len(hunk.after) == 1:
                continue
            examples = examples_of(earlier, language_id)
            for example in examples[:-1] if earlier is hunk else examples:
                self._parsers.check()
                other = draft_of(example)
                both = unified(draft, other) if other is not None else None
                if both is not None:
                    return both.pattern(examples=2)
        return None

    def _renamed_places(self, document: EditedDocument, hunk: Hunk, latest: Example) -> list[Place] | None:
        """Return where else in its document a name is to change; None if nothing but its text tells what it is."""
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
        request = document.request
        if document.tree is None:
            return None
        history = self._history.of(hunk.uri)
        others = [other for other in reversed(history.hunks) if other is not hunk] if history is not None else []
        changed = [
            (start + first, start + end)
            for other in (hunk, *others)
            for start in [document.span(other.first, other.end)[0]]
            for example in examples_of(other, request.language_id)
            if example.renamed == latest.renamed
            for first, end in example.spans()
        ]
        return renamed_places(document.tree, request.text, request.language_id, latest.renamed, changed)

    def _allowed(self, document: EditedDocument, places: Sequence[Place], kind: EditKind) -> list[Proposal]:
        """Return the places as proposals, without those on the cursor's line and in what was changed just now."""
        request = document.request
        typed = line_start(request.text, request.offset), line_end(request.text, request.offset)
        latest = next(self._history.latest())
        if latest.uri == request.uri and self._was_offered(latest):
            typed = len(request.text) + 1, -1  # The line was not typed.
        history = self._history.of(request.uri)
        changed = [
            document.span(hunk.first, hunk.end)
            for hunk in (history.hunks if history is not None and kind is not EditKind.RENAME else ())
            if not _is_new(hunk) and len(hunk.after) <= MAX_LINES
        ]
        allowed = [
            Proposal(start, end, text, kind)
            for start, end, text in places
            if not (typed[0] <= end and start <= typed[1]) and all(end <= low or start >= high for low, high in changed)
        ]
        return _apart(allowed) if len(allowed) <= MAX_PLACES else []

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


def _is_new(hunk: Hunk) -> bool:
    """Return whether a hunk is code that was not there before."""
    return not "".join(hunk.before).strip()


def _is_done(match: Match, text: str) -> bool:
    """Return whether the place already is as it would become, since what is inserted stands around it."""
    inner = text[match.start : match.end]
    at = match.text.find(inner) if inner else -1
    return at >= 0 and text[match.start - at : match.start - at + len(match.text)] == match.text


def _apart(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Return the proposals that overlap no shorter one, as the call in an argument of another one is shorter."""
    kept: list[Proposal] = []
    for new in sorted(proposals, key=lambda proposal: proposal.end - proposal.start):
        if all(
            (new.end <= old.start or new.start >= old.end) and (new.start, new.end) != (old.start, old.end)
            for old in kept
        ):
            kept.append(new)
    return kept


def _ordered(proposals: Sequence[Proposal], offset: int) -> list[Proposal]:
    """Return proposals as a reader would go through them: down from the cursor, then from the top."""
    return sorted(proposals, key=lambda proposal: (proposal.start < offset, proposal.start))
