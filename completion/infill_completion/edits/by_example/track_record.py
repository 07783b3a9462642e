"""What the user has done so far where a pattern fits: the same, something else, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infill_completion.edits.by_example.examples import MAX_LINES
from infill_completion.edits.by_example.patterns import EditPattern, Match, matches
from infill_completion.edits.history import Hunk
from infill_completion.edits.signatures import is_definition
from infill_completion.edits.tokens import Lexeme, holds_run, partners, tokens_of


@dataclass
class TrackRecord:
    """How a pattern fared in the changes of the user.

    Attributes:
        refuted: How often the user made another change where the pattern fits.
        lines: The lines of the document, as they are now, at which the change was made, the last change first.
    """

    refuted: int = 0
    lines: tuple[int, ...] = ()

    @property
    def goes_up(self) -> bool:
        """Whether the user goes from the end to the beginning: the last change was made above the one before."""
        return len(self.lines) > 1 and self.lines[0] < self.lines[1]

    def is_between(self, line: int) -> bool:
        """Return whether the user has passed over a line: the change was made above and below it."""
        return bool(self.lines) and min(self.lines) < line < max(self.lines)


def track_record(pattern: EditPattern, hunks: Iterable[Hunk], uri: str, language_id: str) -> TrackRecord:
    """Return how a pattern fared.

    Args:
        pattern: The pattern.
        hunks: What the user has changed, in all documents, the last change first.
        uri: The document that is looked at.
        language_id: LSP's language id.
    """
    record = TrackRecord()
    for hunk in hunks:
        if max(len(hunk.before), len(hunk.after)) > MAX_LINES or not hunk.after:
            continue
        text = "".join(hunk.before)
        if pattern.anchor not in text:
            continue
        tokens = tokens_of(text, language_id)
        after = [token.text for token in tokens_of("".join(hunk.after), language_id)]
        for match in matches(pattern, text, tokens):
            if _is_signature(match, tokens):
                continue  # What becomes of the parameters says nothing of calls.
            if holds_run(after, _changed(match, tokens, language_id)):
                record.lines += (hunk.first,) if hunk.uri == uri else ()
            else:
                record.refuted += 1
    return record


def _is_signature(match: Match, tokens: Sequence[Lexeme]) -> bool:
    """Return whether what a pattern of a call fits is the head of a function."""
    called = next((index for index in range(match.first, match.last) if tokens[index + 1].text == "("), None)
    return called is not None and is_definition(tokens, called, partners(tokens))


def _changed(match: Match, tokens: Sequence[Lexeme], language_id: str) -> list[str]:
    """Return the tokens that a match becomes, with one before and after them."""
    before = [token.text for token in tokens if token.end <= match.start][-1:]
    after = [token.text for token in tokens if token.start >= match.end][:1]
    return [*before, *(token.text for token in tokens_of(match.text, language_id)), *after]
