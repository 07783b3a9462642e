"""What a filter may look at besides the suggestion itself."""

from __future__ import annotations

from dataclasses import dataclass

from infill_completion.api import FinishReason
from infill_completion.document.window import Window
from infill_completion.languages.long_literals import LongLiteral
from infill_completion.languages.registry import traits_of
from infill_completion.languages.traits import LanguageTraits
from infill_completion.suggest.extent import literal_at


@dataclass(frozen=True)
class FilterContext:
    """The surroundings of a suggestion.

    Attributes:
        window: The text around the cursor, with LF line ends.
        language_id: LSP's language id.
        finish_reason: Why the model stopped; filters trust a cut-off suggestion less.
        ended_line: Whether the model ended the line after the suggestion.
    """

    window: Window
    language_id: str
    finish_reason: FinishReason = FinishReason.STOP
    ended_line: bool = False

    @property
    def traits(self) -> LanguageTraits:
        """The traits of the language."""
        return traits_of(self.language_id)

    @property
    def literal(self) -> LongLiteral | None:
        """The string or comment of several lines around the cursor, if any."""
        return literal_at(self.window, self.language_id)

    @property
    def is_line_cut(self) -> bool:
        """Whether the cursor's line is too long for the window, so that what is open on it is unknown."""
        window = self.window
        starts = window.starts_document or bool(window.above)
        return not starts or not (window.ends_document or "\n" in window.suffix)

    @property
    def is_cut_off(self) -> bool:
        """Whether the model would have written more."""
        return self.finish_reason is not FinishReason.STOP
