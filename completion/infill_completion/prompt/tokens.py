"""A model's prompt as token ids: the text that fits the budget, in the order that the model was trained on.

CodeLlama's layouts are those of ``infilling_prompt_tokens`` of Meta's ``llama/generation.py``; ``enc`` puts
SentencePiece's space in front of the text, ``enc_infilling`` does not::

    PSM  [bos, PRE] + enc(prefix) + [SUF] + enc_infilling(suffix) + [MID]
    SPM  [bos, PRE, SUF] + enc_infilling(suffix) + [MID] + enc(prefix)

:mod:`infill_completion.prompt.formats` has those of other models, and :mod:`infill_completion.prompt.plain` what those
get that were not trained to infill.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from infill_completion.api import ContextItem
from infill_completion.prompt.cuts import fitting_context, fitting_prefix, fitting_suffix
from infill_completion.prompt.encoding import MAX_PIECE_CHARS, Encoder, encode_text, unfinished
from infill_completion.prompt.formats import PromptLayout
from infill_completion.prompt.layout import flat, lay_out, most_control_tokens
from infill_completion.prompt.plain import plain_text


@dataclass(frozen=True)
class PromptOptions:
    """How prompts of one model are laid out.

    Attributes:
        layout: The order of the parts; models without infilling tokens get LEFT_TO_RIGHT.
        budget_tokens: The largest number of tokens in the whole prompt.
        suffix_share: The share of the budget that the suffix gets even if the prefix could fill it; without marks, the
            largest share.
        context_share: The largest share of the budget that text of other files gets.
        step_share: Cuts move by this share of the budget, so that most keystrokes leave them in place.
        heal: Whether the unfinished word before the cursor is left to the decoding loop, which makes the model spell
            it again. A model predicts badly after a piece that its training data never ended on.
    """

    layout: PromptLayout = PromptLayout.SPM
    budget_tokens: int = 4096
    suffix_share: float = 0.25
    context_share: float = 0.25
    step_share: float = 0.125
    heal: bool = True


@dataclass(frozen=True)
class Prompt:
    """A prompt and its origin.

    Attributes:
        ids: The tokens that the model sees.
        layout: The order of their parts.
        spell: Text before the cursor that ``ids`` leaves out; the generated text must begin with it.
        tokens_by_source: Tokens of ``prefix``, ``suffix``, ``context`` and ``control``; they add up to ``len(ids)``.
        dropped_by_source: Tokens of the same sources that did not fit.
        before: All tokens before the cursor, other files first, including those that did not fit; for an n-gram index.
        after: All tokens after the cursor.
    """

    ids: list[int]
    layout: PromptLayout
    spell: str = ""
    tokens_by_source: dict[str, int] = field(default_factory=dict)
    dropped_by_source: dict[str, int] = field(default_factory=dict)
    before: list[Sequence[int]] = field(default_factory=list)
    after: Sequence[int] = ()


def build_prompt(
    encoder: Encoder, prefix: str, suffix: str | None, context: Sequence[ContextItem], options: PromptOptions
) -> Prompt:
    """Lay out the prompt of one request.

    If the budget is short, the text nearest the cursor stays. The start of the prefix and the end of the suffix move
    in steps only, so consecutive prompts of one document share all tokens up to the cursor.

    Args:
        encoder: The model's tokenizer.
        prefix: The text before the cursor.
        suffix: The text after it; None asks for left-to-right text.
        context: Texts of other files, most stable first; later ones are dropped first.
        options: Layout and budget.

    Returns:
        The prompt; it has at least one token, and never more than ``options.budget_tokens``, control tokens apart.
    """
    infills = encoder.infilling is not None and suffix is not None and options.layout is not PromptLayout.LEFT_TO_RIGHT
    tokens = encoder.infilling if infills else None
    layout = options.layout if tokens else PromptLayout.LEFT_TO_RIGHT
    start = [encoder.bos] if encoder.bos is not None else []
    text = encode_text(encoder, tokens, prefix, suffix or "", context, heal=options.heal)
    step = max(8, int(options.budget_tokens * options.step_share))
    room = options.budget_tokens - len(start) - most_control_tokens(tokens)
    others = fitting_context(text.context, int(room * options.context_share))
    room -= sum(map(len, others))
    if tokens is None:
        plain = plain_text(encoder, text, suffix or "", room, step, options.suffix_share, first=not others)
        ids = [*start, *flat(others), *plain.ids] or _border(encoder)
        used = {"prefix": plain.prefix_tokens, "suffix": plain.below_tokens}
    else:
        after = fitting_suffix(text, room, step, options.suffix_share)
        is_first = tokens.files_precede_marks or not others
        before = fitting_prefix(encoder, text, room - len(after), step, first=is_first)
        line_tokens = len(text.before[-1]) if len(text.before) > 1 else 0
        ids = start + lay_out(layout, tokens, flat(others), before, after, line_tokens)
        used = {"prefix": len(before), "suffix": len(after)}
    used["context"] = sum(map(len, others))
    there: dict[str, Sequence[Sequence[int]]] = {"prefix": text.before, "suffix": text.after, "context": text.context}
    return Prompt(
        ids=ids,
        layout=layout,
        spell=text.spell,
        tokens_by_source=used | {"control": len(ids) - sum(used.values())},
        dropped_by_source={source: max(0, sum(map(len, parts)) - used[source]) for source, parts in there.items()},
        before=[*text.context, flat(text.before)],
        after=flat(text.after),
    )


def _border(encoder: Encoder) -> list[int]:
    """Return the prompt of an empty text for a model without a token that starts one: the end of the text before it."""
    return [0 if encoder.eos is None else encoder.eos]


class PromptBuilder:
    """Builds prompts and keeps the last one: while a word is typed, only the text to spell changes."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._prompt: Prompt | None = None

    def prompt(
        self,
        encoder: Encoder,
        prefix: str,
        suffix: str | None,
        context: Sequence[ContextItem],
        options: PromptOptions,
    ) -> Prompt:
        """Return what :func:`build_prompt` returns; ``before`` stays the same list while its content does."""
        line = prefix[prefix.rfind("\n") + 1 :]
        if len(line) > MAX_PIECE_CHARS:
            return build_prompt(encoder, prefix, suffix, context, options)
        spell = unfinished(line) if options.heal else ""
        key = (encoder, prefix[: len(prefix) - len(spell)], suffix, *context, options)
        if self._prompt is None or key != self._key:
            self._key, self._prompt = key, build_prompt(encoder, prefix, suffix, context, options)
        return replace(self._prompt, spell=spell)
