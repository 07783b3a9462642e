"""A model's prompt as token ids: layout, budget, and cuts that stay where they are while the user types.

CodeLlama's layouts are those of ``infilling_prompt_tokens`` of Meta's ``llama/generation.py``; ``enc`` puts
SentencePiece's space in front of the text, ``enc_infilling`` does not::

    PSM  [bos, PRE] + enc(prefix) + [SUF] + enc_infilling(suffix) + [MID]
    SPM  [bos, PRE, SUF] + enc_infilling(suffix) + [MID] + enc(prefix)

Those of its peers are in :mod:`infill_completion.prompt.formats`.

The text is encoded line by line (no token crosses a newline), so a keystroke encodes one line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from infill_completion.api import ContextItem
from infill_completion.prompt.formats import PromptLayout
from infill_completion.prompt.layout import (
    InfillingTokens,
    control_tokens,
    file_heading,
    flat,
    laid_out,
    path_comment,
)

__all__ = ["InfillingTokens", "Prompt", "PromptKeeper", "PromptLayout", "PromptOptions", "build_prompt", "path_comment"]


class Encoder(Protocol):
    """What a prompt needs of a tokenizer."""

    bos: int | None
    infilling: InfillingTokens | None
    newline_separates: bool

    def encode(self, text: str) -> Sequence[int]:
        """Return the ids of ``text`` as the start of a text."""
        ...

    def encode_infilling(self, text: str) -> Sequence[int]:
        """Return the ids of ``text`` without an implicit space in front."""
        ...

    def encode_line(self, line: str) -> Sequence[int]:
        """Return the ids of ``line`` behind a newline."""
        ...


@dataclass(frozen=True)
class PromptOptions:
    """How prompts of one model are laid out.

    Attributes:
        layout: Order of the parts; models without infilling tokens get LEFT_TO_RIGHT.
        budget_tokens: Most tokens of the whole prompt.
        suffix_share: Share of the budget that the suffix gets even where the prefix could fill it.
        context_share: Most of the budget that text of other files gets.
        step_share: Cuts move by this share of the budget, so that most keystrokes leave them where they are.
        heal: Leave the unfinished word before the cursor to the loop, which makes the model spell it again; a model
            predicts badly behind a piece that its training data never ended on.
    """

    layout: PromptLayout = PromptLayout.SPM
    budget_tokens: int = 4096
    suffix_share: float = 0.25
    context_share: float = 0.25
    step_share: float = 0.125
    heal: bool = True


@dataclass(frozen=True)
class Prompt:
    """A prompt, and what it was made of.

    Attributes:
        ids: The tokens the model sees.
        layout: The order they are in.
        spell: Text before the cursor that is not in ``ids``; what is generated must begin with it.
        tokens_by_source: Tokens of ``prefix``, ``suffix``, ``context`` and ``control``; they add up to ``len(ids)``.
        dropped_by_source: Tokens of the same sources that found no room.
        before: All tokens before the cursor, other files first, those without room too; an index may be built of it.
        after: All tokens behind the cursor.
    """

    ids: list[int]
    layout: PromptLayout
    spell: str = ""
    tokens_by_source: dict[str, int] = field(default_factory=dict)
    dropped_by_source: dict[str, int] = field(default_factory=dict)
    before: list[Sequence[int]] = field(default_factory=list)
    after: Sequence[int] = ()


# The last word with the space before it, the last run of blanks, or the last run of signs.
_UNFINISHED = re.compile(r" ?\w{1,64}$|[ \t]{1,64}$| ?[^\w\s]{1,8}$")
MAX_PIECE_CHARS = 2048


def unfinished(line: str) -> str:
    """Return the end of ``line`` whose tokens may change with the next character, at most 64 characters."""
    match = _UNFINISHED.search(line)
    return match.group() if match else ""


def build_prompt(
    encoder: Encoder, prefix: str, suffix: str | None, context: Sequence[ContextItem], options: PromptOptions
) -> Prompt:
    """Lay out the prompt of one request.

    The text nearest the cursor stays when the budget is short.  The start of the prefix moves only in steps, and so
    does the end of the suffix, so consecutive prompts of one document share all tokens up to the cursor.

    Args:
        encoder: The model's tokenizer.
        prefix: Text before the cursor.
        suffix: Text behind it; None asks for left-to-right text.
        context: Texts of other files, most stable first; later ones are dropped first.
        options: Layout and budget.

    Returns:
        The prompt; it never has more than ``options.budget_tokens`` tokens, control tokens apart.
    """
    infills = encoder.infilling is not None and suffix is not None and options.layout is not PromptLayout.LEFT_TO_RIGHT
    tokens = encoder.infilling if infills else None
    layout = options.layout if tokens else PromptLayout.LEFT_TO_RIGHT
    head = [encoder.bos] if encoder.bos is not None else []
    text = _encoded(encoder, tokens, prefix, suffix or "", context, heal=options.heal)
    step = max(8, int(options.budget_tokens * options.step_share))
    room = options.budget_tokens - len(head) - control_tokens(tokens)
    others = _context_that_fits(text.context, int(room * options.context_share))
    room -= sum(map(len, others))
    after = _kept_suffix(text, room, step, options.suffix_share) if tokens else []
    outside = tokens is not None and tokens.files_stand_outside
    before = _kept_prefix(encoder, text, room - len(after), step, first=outside or not others)
    line_tokens = len(text.before[-1]) if len(text.before) > 1 else 0
    ids = head + laid_out(layout, tokens, flat(others), before, after, line_tokens)
    used = {"prefix": len(before), "suffix": len(after), "context": sum(map(len, others))}
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


class PromptKeeper:
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
        """Return what :func:`build_prompt` returns; ``before`` is the same list as long as it would be equal."""
        line = prefix[prefix.rfind("\n") + 1 :]
        if len(line) > MAX_PIECE_CHARS:
            return build_prompt(encoder, prefix, suffix, context, options)
        spell = unfinished(line) if options.heal else ""
        key = (encoder, prefix[: len(prefix) - len(spell)], suffix, *context, options)
        if self._prompt is None or key != self._key:
            self._key, self._prompt = key, build_prompt(encoder, prefix, suffix, context, options)
        return replace(self._prompt, spell=spell)


@dataclass(frozen=True)
class _Encoded:
    """The whole text, line by line; ``lines`` are those of ``before``."""

    lines: list[str]
    before: list[Sequence[int]]
    after: list[Sequence[int]]
    context: list[list[int]]
    spell: str


def _encoded(
    encoder: Encoder,
    tokens: InfillingTokens | None,
    prefix: str,
    suffix: str,
    context: Sequence[ContextItem],
    *,
    heal: bool,
) -> _Encoded:
    lines = _lines(prefix)
    spell = unfinished(lines[-1]) if heal and lines else ""
    if spell:
        lines[-1] = lines[-1][: -len(spell)]
    first, *later = _lines(suffix) or [""]
    after = [encoder.encode_infilling(first), *(encoder.encode_line(line) for line in later)]
    items = [_context_ids(encoder, tokens, item) for item in context]
    return _Encoded(lines, [encoder.encode_line(line) for line in lines], after, items, spell)


def _kept_suffix(text: _Encoded, room: int, step: int, share: float) -> list[int]:
    """Return the start of the suffix: its share of the room, or all that the prefix leaves."""
    # In steps too: a suffix that gave way token by token would change the prompt's start at every keystroke.
    spare = room - _ceil(sum(map(len, text.before)) + step, step)
    return _first_lines(text.after, min(max(int(room * share), spare), room))


def _kept_prefix(encoder: Encoder, text: _Encoded, room: int, step: int, *, first: bool) -> list[int]:
    """Return the end of the prefix, cut at a line where one fits; ``first`` if nothing stands before it."""
    sizes = [len(ids) for ids in text.before]
    start = _cut(sizes, room, step)
    while start < len(sizes) - 1 and 1 + sum(sizes[start:]) > room:
        start += 1
    return _prefix_ids(encoder, text.lines[start:], text.before[start:], first=first)[-room:] if room > 0 else []


def _lines(text: str) -> list[str]:
    """Split behind each LF and nowhere else; the last line has none, and may be empty where text ends with LF.

    Very long lines come in pieces, so that a keystroke in one does not encode all of it.
    """
    if not text:
        return []
    lines = text.split("\n")
    whole = [*(line + "\n" for line in lines[:-1]), lines[-1]]
    if max(map(len, whole)) <= MAX_PIECE_CHARS:
        return whole
    return [
        line[start : start + MAX_PIECE_CHARS]
        for line in whole
        for start in range(0, max(1, len(line)), MAX_PIECE_CHARS)
    ]


def _ceil(value: int, step: int) -> int:
    return -(-value // step) * step


def _cut(sizes: Sequence[int], room: int, step: int) -> int:
    """Return the first line to keep: the fewest whole steps of tokens go from the start, and the line they end in."""
    excess = sum(sizes) + 1 - room
    if excess <= 0:
        return 0
    drop = _ceil(excess, step)
    dropped = 0
    for index, size in enumerate(sizes[:-1]):
        if dropped >= drop:
            return index
        dropped += size
    return max(0, len(sizes) - 1)


def _first_lines(lines: Sequence[Sequence[int]], room: int) -> list[int]:
    """Return the tokens of the first lines that fit whole; of the first line what fits."""
    kept: list[int] = []
    for ids in lines:
        if len(kept) + len(ids) > room:
            break
        kept += ids
    return kept or flat(lines[:1])[: max(0, room)]


def _prefix_ids(encoder: Encoder, lines: list[str], ids: list[Sequence[int]], *, first: bool) -> list[int]:
    """Return ``enc(prefix)``; the space in front belongs to the first text only."""
    if not lines:
        return []
    if not encoder.newline_separates:
        text = "".join(lines)
        return list(encoder.encode(text) if first else encoder.encode_infilling(text))
    start = encoder.encode(lines[0]) if first and lines[0] else ids[0]
    return [*start, *flat(ids[1:])]


def _context_ids(encoder: Encoder, tokens: InfillingTokens | None, item: ContextItem) -> list[int]:
    text = file_heading(item.path, tokens.form if tokens else None) + item.text.rstrip("\n") + "\n\n"
    if encoder.newline_separates:
        ids = flat(map(encoder.encode_line, _lines(text)))
    else:
        ids = list(encoder.encode_infilling(text))
    if tokens is None:
        return ids
    start = [] if tokens.file is None else [tokens.file]
    return [*start, *ids, *([] if tokens.file_end is None else [tokens.file_end])]


def _context_that_fits(items: list[list[int]], room: int) -> list[list[int]]:
    """Return the items from the first on that fit; an item that does not is left out whole."""
    chosen: list[list[int]] = []
    for ids in items:
        if len(ids) <= room:
            chosen.append(ids)
            room -= len(ids)
    return chosen
