"""The part of a document that the model sees, cut so that consecutive prompts share their beginnings.

Sizes are in characters, because the language server has no tokenizer; the engine cuts again by tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from infill_completion.document.lines import to_lf

# Code in the vocabularies of the supported models has 3 to 4 characters a token.
CHARACTERS_PER_TOKEN = 3.5
PREFIX_SHARE = 0.75
# The distance from a planned edge within which a line edge is looked for; longer lines are cut at the planned edge.
_EDGE_SEARCH = 1000
# Text kept beyond the edges to recognise secrets that they cut; the longest private keys in use are shorter.
_BEYOND = 8000


@dataclass(frozen=True)
class Excerpt:
    """The text around a cursor that a parser reads, with LF line ends.

    It is cut where the syntax allows it, so the cuts bring no errors. It may lack parts of the document in between.

    Attributes:
        before: The text before the cursor; it holds the whole cursor's line up to there.
        after: The text after the cursor; it holds the whole rest of the cursor's line.
        hides_errors: Whether the blocks around the cursor have syntax errors in what is left out. A bracket that seems
            superfluous here may then be missing there.
    """

    before: str
    after: str
    hides_errors: bool = False

    def with_text(self, text: str, replaced: int = 0) -> Excerpt:
        """Return the excerpt after ``text`` has replaced ``replaced`` characters to the right of the cursor."""
        return replace(self, before=self.before + text, after=self.after[replaced:])


@dataclass(frozen=True)
class Window:
    """The text around a cursor, with LF line ends.

    Attributes:
        prefix: The text before the cursor.
        suffix: The text after the cursor.
        starts_document: Whether ``prefix`` reaches the document's first character.
        ends_document: Whether ``suffix`` reaches the document's last one.
        lead: Some text before the window, which no model sees: it shows what the upper edge cuts.
        tail: Some text after the window, likewise.
        excerpt: The text around the cursor for a parser; None if the document was not parsed.
    """

    prefix: str
    suffix: str
    starts_document: bool = True
    ends_document: bool = True
    lead: str = ""
    tail: str = ""
    excerpt: Excerpt | None = None

    def with_text(self, text: str, replaced: int = 0) -> Window:
        """Return the window after ``text`` has replaced ``replaced`` characters to the right of the cursor."""
        excerpt = None if self.excerpt is None else self.excerpt.with_text(text, replaced)
        return replace(self, prefix=self.prefix + text, suffix=self.suffix[replaced:], excerpt=excerpt)

    @property
    def before(self) -> str:
        """The cursor's line up to the cursor."""
        return self.prefix[self.prefix.rfind("\n") + 1 :]

    @property
    def rest(self) -> str:
        """The cursor's line after the cursor."""
        end = self.suffix.find("\n")
        return self.suffix if end < 0 else self.suffix[:end]

    @property
    def above(self) -> str:
        """The text before the cursor's line, with its last line end."""
        return self.prefix[: self.prefix.rfind("\n") + 1]

    @property
    def below(self) -> str:
        """The text after the cursor's line, without the line end in between."""
        end = self.suffix.find("\n")
        return "" if end < 0 else self.suffix[end + 1 :]


def window_at(text: str, offset: int, prefix_budget: int, suffix_budget: int) -> Window:
    """Return the window around ``offset``; reads only it and some text beyond, whatever the size of ``text``.

    Its edges are line edges on a grid of a quarter of each budget. The upper edge is counted from the start of the
    document and the lower one from its end, so typing at the cursor moves neither until a step is full.
    """
    start = _upper_edge(text, offset, prefix_budget)
    end = _lower_edge(text, offset, suffix_budget)
    return Window(
        prefix=to_lf(text[start:offset]),
        suffix=to_lf(text[offset:end]),
        starts_document=start == 0,
        ends_document=end == len(text),
        lead=to_lf(text[max(start - _BEYOND, 0) : start]),
        tail=to_lf(text[end : end + _BEYOND]),
    )


def clean_offset(text: str, offset: int) -> int:
    r"""Return ``offset`` limited to the text, and never between the two characters of ``\r\n``."""
    offset = max(0, min(offset, len(text)))
    inside_break = 0 < offset < len(text) and text[offset - 1] == "\r" and text[offset] == "\n"
    return offset - 1 if inside_break else offset


class Budgets(NamedTuple):
    """How many characters of each kind fit a prompt.

    Attributes:
        prefix: The text before the cursor.
        suffix: The text after the cursor.
        context: The text of other files.
    """

    prefix: int
    suffix: int
    context: int


def budgets(context_tokens: int, max_tokens: int, context_share: float) -> Budgets:
    """Return the characters that fit a prompt of ``context_tokens``, of which the answer takes ``max_tokens``."""
    room = int(max(context_tokens - max_tokens, context_tokens // 4) * CHARACTERS_PER_TOKEN)
    context = int(room * context_share)
    prefix = int((room - context) * PREFIX_SHARE)
    return Budgets(prefix, room - context - prefix, context)


def _upper_edge(text: str, offset: int, budget: int) -> int:
    earliest = offset - budget
    if earliest <= 0:
        return 0
    step = max(budget // 4, 1)
    planned = min(-(-earliest // step) * step, offset)
    limit = min(planned + _EDGE_SEARCH, offset)
    end = text.find("\n", planned - 1, limit)
    if end < 0:
        end = text.find("\r", planned - 1, limit)
    return end + 1 if 0 <= end < limit - 1 else planned


def _lower_edge(text: str, offset: int, budget: int) -> int:
    following = len(text) - offset
    if following <= budget:
        return len(text)
    step = max(budget // 4, 1)
    from_end = min(-(-(following - budget) // step) * step, following)
    planned = len(text) - from_end
    limit = max(planned - _EDGE_SEARCH, offset)
    end = text.rfind("\n", limit, planned)
    if end < 0:
        end = text.rfind("\r", limit, planned)
    return end + 1 if end >= 0 else planned
