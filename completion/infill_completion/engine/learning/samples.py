"""Samples of files: prompts as the engine lays them out, each followed by what the model should write there."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infill_completion.api import ContextItem
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.learning.cuts import column_of, line_end, stop_of
from infill_completion.engine.learning.student import Sample
from infill_completion.prompt.formats import PromptLayout
from infill_completion.prompt.tokens import PromptOptions, build_prompt

MAX_MIDDLE_TOKENS = 96
_CHARS_OF_TOKEN = 6  # more than any language has on average
_TRIES = 20


@dataclass(frozen=True)
class SampleOptions:
    """What samples are like.

    Attributes:
        tokens: The smallest and the largest length of a sample.
        context_rate: How many have text of another file.
        heal_rate: How many leave the unfinished word before the cursor to the middle.
        suffix_first_rate: How many have the model's first layout; the others have the prefix first.
        text_rate: How many tokens of the text around a middle are to be predicted, too.
    """

    tokens: tuple[int, int] = (128, 512)
    context_rate: float = 0.2
    heal_rate: float = 0.9
    suffix_first_rate: float = 0.85
    text_rate: float = 0.2


class SampleMaker:
    """Makes samples of texts.

    Args:
        tokenizer: The model's; without infilling tokens, samples are left to right.
        options: What they are like.
    """

    def __init__(self, tokenizer: Tokenizer, options: SampleOptions | None = None) -> None:
        self._tokenizer = tokenizer
        self._options = options or SampleOptions()

    def sample(self, text: str, others: Sequence[ContextItem], chance: random.Random) -> Sample | None:
        """Return a sample of ``text`` with a cursor somewhere in it, or None if no line of it suits.

        Args:
            text: A file with LF line endings.
            others: Files near it, of which a part may be shown.
            chance: Decides everything.
        """
        for _ in range(_TRIES):
            at = chance.randrange(len(text)) if text else 0
            start = text.rfind("\n", 0, at) + 1
            line = text[start : line_end(text, at)]
            if line.strip():
                cursor = start + column_of(line, chance)
                return self._around(text, cursor, stop_of(text, cursor, chance), others, chance)
        return None

    def at(self, text: str, cursor: int, end: int, tokens: int) -> Sample:
        """Return the sample for the middle from ``cursor`` to ``end``, which alone is to be predicted."""
        options = PromptOptions(self._layouts()[0], tokens)
        return self._sample(text, cursor, end, [], options, lambda: False)

    def _layouts(self) -> tuple[PromptLayout, ...]:
        infilling = self._tokenizer.infilling
        return (PromptLayout.LEFT_TO_RIGHT,) if infilling is None else infilling.form.layouts

    def _around(self, text: str, cursor: int, end: int, others: Sequence[ContextItem], chance: random.Random) -> Sample:
        options = self._options
        layouts = self._layouts()
        layout = layouts[0] if chance.random() < options.suffix_first_rate else layouts[-1]
        budget = round(chance.uniform(*options.tokens))
        items = []
        if others and chance.random() < options.context_rate:
            items = [_part(chance.choice(others), budget // 4, chance)]
        prompt = PromptOptions(
            layout, budget, suffix_share=chance.uniform(0.1, 0.35), heal=chance.random() < options.heal_rate
        )
        return self._sample(text, cursor, end, items, prompt, lambda: chance.random() < options.text_rate)

    def _sample(
        self,
        text: str,
        cursor: int,
        end: int,
        items: list[ContextItem],
        options: PromptOptions,
        is_wanted: Callable[[], bool],
    ) -> Sample:
        reach = options.budget_tokens * _CHARS_OF_TOKEN
        first = 0 if cursor <= reach else text.find("\n", cursor - reach) + 1
        before = text[min(first, cursor) : cursor]
        encoder = self._tokenizer
        prompt = build_prompt(encoder, before, text[end : end + reach], items, options)
        middle = list(encoder.encode_infilling(prompt.spell + text[cursor:end]))
        whole = len(middle) <= MAX_MIDDLE_TOKENS
        middle = middle[:MAX_MIDDLE_TOKENS]
        if whole and encoder.infilling is not None:
            middle.append(encoder.infilling.eot)
        control = encoder.control
        around = [is_wanted() and id_ not in control for id_ in prompt.ids]
        return Sample([*prompt.ids, *middle], [*around, *[True] * len(middle)])


def _part(item: ContextItem, tokens: int, chance: random.Random) -> ContextItem:
    """Return some whole lines of another file, at most about ``tokens``."""
    lines = item.text.split("\n")
    start = chance.randrange(len(lines))
    kept: list[str] = []
    room = tokens * 3  # characters
    for line in lines[start:]:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return ContextItem(item.path, "\n".join(kept))
