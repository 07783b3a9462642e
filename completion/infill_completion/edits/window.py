"""The next edits of one window: its history, what was rejected, and whose edits are not read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from infill_completion.document.changes import LineChange
from infill_completion.document.files import is_binary
from infill_completion.document.lines import line_at
from infill_completion.document.workspace import OpenDocument
from infill_completion.edits.by_model.question import ModelQuestion, question_of
from infill_completion.edits.candidates import is_new
from infill_completion.edits.explained import EditExplanation
from infill_completion.edits.history import EditHistory, Hunk
from infill_completion.edits.imports.workspace_imports import WorkspaceImports, path_in_workspace
from infill_completion.edits.parsed import applied
from infill_completion.edits.proposal import EditRequest, NextEditsAnswer, Place, Proposal, Silence
from infill_completion.edits.proposer import Proposer
from infill_completion.edits.rejections import Rejections
from infill_completion.privacy.rule_watch import RuleWatch
from infill_completion.privacy.rules import Privacy
from infill_completion.prompt.rewriting.formats import EditFormat
from infill_completion.settings import Settings

# Other documents that are read, the last focused first.
MAX_OTHERS = 16
# So near to new code the user is still writing it: blank lines before other blank lines may belong to either.
_NEAR_LINES = 3


class EditWindow:
    """Follows the edits of a window and proposes the next ones; belongs to one thread at a time.

    Args:
        imports: What is known of the workspace's imports already.

    Attributes:
        imports: What the workspace's files import.
        left_to_a_model: The reasons for no proposal after which a model may be asked.
    """

    left_to_a_model = frozenset({Silence.NOTHING_LIKE_IT, Silence.REJECTED, Silence.WOULD_BREAK, Silence.TYPING})

    def __init__(self, imports: WorkspaceImports | None = None) -> None:
        self.imports = imports or WorkspaceImports()
        self._history, self._rejections = EditHistory(), Rejections()
        self._is_stopped: Callable[[], bool] = lambda: False
        self._proposer = Proposer(self._history, self._rejections, self._gives_up)
        self._ignore: tuple[str, ...] = ()
        self._rules = RuleWatch()
        self._privacy = Privacy((), self._rules.files)
        self._rest: tuple[str, str, list[Place]] = "", "", []  # what a model changes besides its last proposal

    def follow(
        self, uri: str, changes: Iterable[LineChange], *, is_broken: bool, settings: Settings, roots: Sequence[Path]
    ) -> None:
        """Take over the changes of a document; those of a private one are not even kept."""
        if self._is_private(uri, settings, roots):
            self.forget(uri)
        else:
            self._history.add(uri, changes, is_broken=is_broken)

    def propose(
        self,
        request: EditRequest,
        others: Sequence[OpenDocument],
        settings: Settings,
        roots: Sequence[Path],
        is_stopped: Callable[[], bool],
        explanation: EditExplanation | None = None,
    ) -> NextEditsAnswer:
        """Return the next edits of a document, or why there are none.

        Args:
            request: The document.
            others: The other open documents whose imports are read in the same way.
            settings: The user's settings.
            roots: The folders of the workspace.
            is_stopped: Whether to give up; asked often.
            explanation: Filled in with what was looked at, if somebody wants to read it.
        """
        self._is_stopped = is_stopped
        reason = self._refusal(request, settings, roots)
        if reason is not None:
            if explanation is not None:
                explanation.silence = reason
            return NextEditsAnswer(silence=reason)
        self._forget_private(settings, roots)
        read = [other for other in others[:MAX_OTHERS] if not self._is_private(other.uri, settings, roots)]
        # A cell knows the names of those above it.
        table = None if ".ipynb" in request.uri else self.imports.open(request.language_id, read, roots)
        path = path_in_workspace(request.uri, roots)
        return self._proposer.propose(replace(request, path=path), explanation, table)

    def read_imports(self, language_id: str, settings: Settings, roots: Sequence[Path]) -> bool:
        """Read what files of the workspace import, for some milliseconds, and return whether there is more to read."""
        is_on = settings.edits.enabled and settings.completion.is_language_enabled(language_id)
        if not is_on or self.imports.is_fresh(language_id, roots, settings.privacy.ignore):
            return False
        is_more = self.imports.read_on(
            language_id, roots, lambda path: self._is_private(path.as_uri(), settings, roots)
        )
        self._rules.note()
        return is_more

    def question(
        self,
        request: EditRequest,
        silence: Silence | None,
        form: EditFormat,
        settings: Settings,
        roots: Sequence[Path],
        documents: Mapping[str, str],
        *,
        as_text: bool,
    ) -> ModelQuestion | None:
        """Return what to ask a next-edit model where there is no proposal without one, or None.

        Args:
            request: The document.
            silence: Why there is none.
            form: The model's format.
            settings: The user's settings.
            roots: The folders of the workspace.
            documents: The texts of the other open documents.
            as_text: Whether the prompt is sent as text.
        """
        hunks = [hunk for hunk in self._history.latest() if not self._is_private(hunk.uri, settings, roots)]
        if silence not in self.left_to_a_model or not hunks:
            return None
        line, latest = line_at(request.text, request.offset), hunks[0]
        is_near = latest.first - _NEAR_LINES <= line <= latest.end + _NEAR_LINES
        if latest.uri == request.uri and is_near and (is_new(latest) or _is_blank_change(latest)):
            return None
        return question_of(request, form, hunks, roots, documents, as_text=as_text)

    def judge(
        self,
        request: EditRequest,
        places: Sequence[Place],
        is_stopped: Callable[[], bool],
        explanation: EditExplanation | None = None,
    ) -> tuple[Proposal, ...]:
        """Return those of a model's changes that may be proposed, the nearest after the cursor first."""
        self._is_stopped = is_stopped
        proposals = self._proposer.judge(request, places, explanation)
        if proposals:
            first, *others = proposals
            grown = len(first.text) - (first.end - first.start)
            rest = [
                (other.start + moved, other.end + moved, other.text)
                for other in others
                for moved in [grown if other.start >= first.end else 0]
            ]
            self._rest = request.uri, applied(request.text, [first]), rest
        return proposals

    def rest(self, request: EditRequest, silence: Silence | None) -> list[Place]:
        """Return what else the model's last answer changes, if its last proposal was taken and nothing else done.

        Args:
            request: The document.
            silence: Why there is no proposal without a model.
        """
        uri, text, places = self._rest
        is_next = silence in self.left_to_a_model and (uri, text) == (request.uri, request.text)
        return places if is_next else []

    def reject(self, key: int) -> None:
        """Do not propose again the change of lines that has this key."""
        self._rejections.add_key(key)

    def forget(self, uri: str) -> None:
        """Forget a document that was closed, except for what was rejected in it."""
        self._history.forget(uri)
        self._proposer.forget(uri)
        if self._rest[0] == uri:
            self._rest = "", "", []

    def _forget_private(self, settings: Settings, roots: Sequence[Path]) -> None:
        """Forget documents that have become private, and what files import if any of them may have."""
        for uri in self._history.uris:
            if self._is_private(uri, settings, roots):
                self.forget(uri)
        if self._rules.has_changed():
            self.imports.forget()

    def _gives_up(self) -> bool:
        return self._is_stopped()

    def _refusal(self, request: EditRequest, settings: Settings, roots: Sequence[Path]) -> Silence | None:
        if not settings.edits.enabled:
            return Silence.OFF
        if not settings.completion.enabled:
            return Silence.SWITCHED_OFF
        if not settings.completion.is_language_enabled(request.language_id):
            return Silence.LANGUAGE_OFF
        if is_binary(request.text):
            return Silence.BINARY_FILE
        latest = next(self._history.latest(), None)
        for uri in {request.uri, latest.uri} if latest is not None else {request.uri}:
            if self._is_private(uri, settings, roots):
                self.forget(uri)
                return Silence.PRIVATE_FILE
        return None

    def _is_private(self, uri: str, settings: Settings, roots: Sequence[Path]) -> bool:
        if self._ignore != settings.privacy.ignore:
            self._ignore = settings.privacy.ignore
            self._privacy = Privacy(self._ignore, self._rules.files)
        return self._privacy.rule_for(uri, roots) is not None


def _is_blank_change(hunk: Hunk) -> bool:
    return "".join(hunk.before).split() == "".join(hunk.after).split()
