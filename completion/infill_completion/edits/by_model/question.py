"""What a next-edit model is asked: the lines around the cursor, and what the user has changed; without secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_completion.api import CompletionRequest, PastEdit, Rewrite
from infill_completion.document.lines import line_at, split_lines, to_lf
from infill_completion.edits.by_model.differences import changed_places
from infill_completion.edits.history import Hunk, Lines
from infill_completion.edits.proposal import EditRequest, Place
from infill_completion.edits.secrets import has_secret, is_masked, stands_in
from infill_completion.privacy.masking import mask_secrets
from infill_completion.privacy.rules import path_of
from infill_completion.prompt.rewriting.formats import EditFormat

# Changes that the model is shown, and lines of one that is not too large.
MAX_EDITS = 6
_MAX_EDIT_LINES = 40
# A rewrite is about as long as the lines; beyond this it has run away.
MAX_TOKENS = 512


@dataclass(frozen=True)
class ModelQuestion:
    """The lines to rewrite, with their place in the document.

    Attributes:
        request: The document.
        form: The model's format.
        rewrite: What the model gets.
        start: Where the lines begin, as an offset in the document.
        lines: The lines, with their line ends.
        shown: The same with masked secrets, as the model sees them; of the same length.
    """

    request: EditRequest
    form: EditFormat
    rewrite: Rewrite
    start: int
    lines: Lines
    shown: Lines

    def completion(self, deadline_ms: int, *, is_explained: bool) -> CompletionRequest:
        """Return the request to the engine; completions come before it."""
        return CompletionRequest(
            "", rewrite=self.rewrite, max_tokens=MAX_TOKENS, temperature=0.0, top_p=1.0, deadline_ms=deadline_ms,
            explain=is_explained, ahead=True,
        )  # fmt: skip

    def places(self, raw: str) -> list[Place] | None:
        """Return what an answer changes, apart from lines with secrets; None if the answer makes no sense."""
        text = self.form.rewritten(raw, self.rewrite)
        if text is None:
            return None
        new = [line.rstrip("\r") for line in text.split("\n")] if text else []
        end = self.start + sum(map(len, self.lines))
        whole = self.request.text[: self.start] + "".join(self.shown) + self.request.text[end:]
        places = changed_places(whole, self.start, self.shown, new)
        return [place for place in places if not self._hides(place)]

    def _hides(self, place: Place) -> bool:
        """Return whether there is a secret on the lines of a place."""
        start, end = self.start, place[0]
        for line, shown in zip(self.lines, self.shown, strict=True):
            if line != shown and start <= place[1] and end <= start + len(line):
                return True
            start += len(line)
        return False


def question_of(
    request: EditRequest,
    form: EditFormat,
    hunks: Iterable[Hunk],
    roots: Sequence[Path],
    documents: Mapping[str, str],
    *,
    as_text: bool,
) -> ModelQuestion | None:
    """Return what to ask a model about a document; None if the lines at the cursor cannot be rewritten.

    Args:
        request: The document.
        form: The model's format.
        hunks: What the user has changed, the newest first; nothing private.
        roots: The folders of the workspace.
        documents: The texts of other open documents. Changes in any others are left out, since only a document tells
            whether there is a secret in some of its lines.
        as_text: Whether the prompt is sent as text.
    """
    lines = split_lines(request.text)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    at = min(line_at(request.text, request.offset), len(lines) - 1)
    first, end = _window(lines, at, form)
    start, stop = starts[first], starts[end]
    shown = split_lines(_shown(request.text, start, stop))[: end - first]
    text = "\n".join(line.rstrip("\r\n") for line in shown)
    if not text.strip() or not form.can_rewrite(text, as_text=as_text):
        return None
    hunks = list(hunks)
    column = min(request.offset - starts[at], len(lines[at].rstrip("\r\n")))
    cursor = sum(len(line) + 1 for line in text.split("\n")[: at - first]) + column
    above, below = form.around_characters, form.around_characters
    begin = next(each for each in starts if each >= start - above)
    rewrite = Rewrite(
        form=form.family, path=shown_path(request.uri, roots),
        above=to_lf(_shown(request.text, begin, start)) if above else "",
        text=text,
        below=to_lf(_shown(request.text, stop, min(stop + below, len(request.text)))) if below else "",
        cursor=cursor,
        earlier=_earlier(request.uri, lines, first, end, hunks) or text,
        edits=tuple(_past_edits(hunks, {**documents, request.uri: request.text}, lambda uri: shown_path(uri, roots))),
    )  # fmt: skip
    return ModelQuestion(request, form, rewrite, start, tuple(lines[first:end]), tuple(shown))


def shown_path(uri: str, roots: Sequence[Path]) -> str:
    """Return how a document is named to a model: by its path in the workspace, or its name alone."""
    path = path_of(uri)
    if path is None:
        return uri.rsplit("/", 1)[-1] or "untitled"
    root = next((root for root in roots if path.is_relative_to(root)), path.parent)
    return path.relative_to(root).as_posix()


def _window(lines: Sequence[str], at: int, form: EditFormat) -> tuple[int, int]:
    """Return the first and last line (excluded) to rewrite around line ``at``, without blank ones at both ends."""
    first, end = at, at + 1
    room = form.most_characters - len(lines[at])
    grows = True
    while grows:
        grows = False
        if first > max(0, at - form.lines_above) and len(lines[first - 1]) <= room:
            first, grows = first - 1, True
            room -= len(lines[first])
        if end < min(len(lines), at + 1 + form.lines_below) and len(lines[end]) <= room:
            end, grows = end + 1, True
            room -= len(lines[end - 1])
    while first < at and not lines[first].strip():
        first += 1
    while end > at + 1 and not lines[end - 1].strip():
        end -= 1
    return first, end


def _shown(text: str, start: int, end: int) -> str:
    return mask_secrets(text, start, end).text


def _earlier(uri: str, lines: list[str], first: int, end: int, hunks: Sequence[Hunk]) -> str:
    """Return the lines before the last change, if it is one of them; empty if not."""
    latest = hunks[0] if hunks else None
    if latest is None or latest.uri != uri or not first <= latest.first <= latest.end <= end:
        return ""
    if not stands_in(latest, lines):
        return ""
    above, below = "".join(lines[:first]), "".join(lines[end:])
    before = "".join([*lines[first : latest.first], *latest.before, *lines[latest.end : end]])
    has_one = is_masked(before, 0, len(before)) or is_masked(above + before + below, len(above), len(above + before))
    return "" if has_one else to_lf(before).removesuffix("\n")


def _past_edits(hunks: Sequence[Hunk], documents: Mapping[str, str], path: Callable[[str], str]) -> list[PastEdit]:
    """Return the last changes, the newest last, without secrets and changes of blanks."""
    found: list[PastEdit] = []
    for hunk in hunks:
        before, after = "".join(hunk.before), "".join(hunk.after)
        if max(len(hunk.before), len(hunk.after)) > _MAX_EDIT_LINES or before.split() == after.split():
            continue
        document = documents.get(hunk.uri)
        if document is None or not stands_in(hunk, split_lines(document)) or has_secret(hunk, document):
            continue
        old, new = (to_lf(text).removesuffix("\n") for text in (before, after))
        found.append(PastEdit(path(hunk.uri), hunk.first + 1, old, new))
        if len(found) == MAX_EDITS:
            break
    return found[::-1]
