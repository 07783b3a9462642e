"""What the prompt and the other texts of the workspace say about the next token of one candidate: nested counts."""

from __future__ import annotations

from collections.abc import Sequence

from infill_completion.engine.ngram.index import NgramIndex
from infill_completion.engine.ngram.mixture import MixtureParameters, blend, blended
from infill_completion.engine.ngram.text_index import MAX_ORDER, TextIndex

MIN_DRAFT_ORDER = 2
# Where the prompt has no match, what followed two tokens in other files was right in 29 % of 113 places, three tokens
# in 37 % of 87, four in 54 % of 54, eight or more in 88 % of 116 (SmolLM2-135M's tokens).
MIN_TEXT_DRAFT_ORDER = 4


class NestedCounts:
    """The n-gram index of the prompt over that of the workspace, with what was generated so far.

    Args:
        index: The index of the prompt, which grows; None to do without.
        cache: Its weights in the mixture; with None it only drafts.
        texts: The index of the workspace's texts, or None.
        weights: Its weights in the mixture; with None it only drafts.
        tail: The last tokens before the cursor.
        besides: Name of the text that is edited.
    """

    def __init__(
        self,
        index: NgramIndex | None,
        cache: MixtureParameters | None,
        texts: TextIndex | None = None,
        weights: MixtureParameters | None = None,
        tail: Sequence[int] = (),
        besides: str = "",
    ) -> None:
        self._index, self._cache = index, cache
        self._texts, self._weights, self._besides = texts, weights, besides
        self._tail = list(tail[-MAX_ORDER:])

    @property
    def is_mixed(self) -> bool:
        """Whether the counts change the model's distribution."""
        mixes_prompt = self._index is not None and self._cache is not None
        return mixes_prompt or (self._texts is not None and self._weights is not None)

    def blend(self) -> tuple[float, dict[int, float]]:
        """Return the weight left to the model, and the probability mass of single tokens; see :func:`blend`."""
        left, masses = 1.0, dict[int, float]()
        if self._index is not None and self._cache is not None:
            left, masses = blended(self._index, self._cache)
        if self._texts is not None and self._weights is not None:
            left, masses = blend(self._texts.levels(self._tail, self._besides), self._weights, left, masses)
        return left, masses

    def draft(self, count: int) -> list[int]:
        """Return up to ``count`` likely next tokens: from the prompt, or else from the workspace."""
        drafted = [] if self._index is None else self._index.draft(count, min_order=MIN_DRAFT_ORDER)
        if not drafted and self._texts is not None:
            drafted = self._texts.draft(self._tail, count, self._besides, MIN_TEXT_DRAFT_ORDER)
        return drafted

    def append(self, id_: int) -> None:
        """Append a generated token."""
        if self._index is not None:
            self._index.append(id_)
        self._tail.append(id_)
        del self._tail[:-MAX_ORDER]
