"""Blocks that a suggestion opens but leaves empty."""

from __future__ import annotations

import re

from infill_completion.document.lines import indent_width
from infill_completion.languages.brackets import open_brackets, unopened
from infill_completion.languages.traits import Blocks, LanguageTraits, opens_block
from infill_completion.suggest.filters.comments import is_comment, is_in_comment
from infill_completion.suggest.filters.context import FilterContext

_WORD = re.compile(r"\w")
_LEADING_CLOSERS = re.compile(r"^\s*[)\]}]+")


def drop_empty_opener(text: str, context: FilterContext) -> str:
    """Drop a last line that opens an empty block, unless it is the only line."""
    if context.window.rest.strip() or not _needs_bodies(context) or is_in_comment(context):
        return text
    lines = text.rstrip().split("\n")
    below = next((line for line in context.window.below.split("\n") if line.strip()), "")
    while (number := _last_code(lines, context.traits)) > 0 and any(line.strip() for line in lines[:number]):
        line = lines[number]
        is_commented_after = len(lines) > number + 1 and indent_width(lines[number + 1]) <= indent_width(line)
        if is_commented_after or not opens_block(line, context.traits) or _has_body(line, below, context.traits):
            break
        if not _WORD.search(line) or _continues(lines[:number], line, context.traits):
            break
        closers = _LEADING_CLOSERS.match(line)
        lines = lines[:number] + ([closers.group()] if closers else [])
        if closers:
            break
    cut = "\n".join(lines)
    return cut if len(cut) < len(text.rstrip()) else text


def _needs_bodies(context: FilterContext) -> bool:
    """Return whether a block must not be empty; in YAML and the like it may be, and prose has no blocks."""
    traits = context.traits
    if traits.blocks is Blocks.INDENT:
        return context.is_cut_off or traits.next_part.pattern != "(?!)"
    return traits.blocks is Blocks.END or (traits.blocks is Blocks.BRACES and traits.is_balanced)


def _last_code(lines: list[str], traits: LanguageTraits) -> int:
    """Return the index of the last line that is neither blank nor a comment; -1 if there is none."""
    code = (number for number, line in enumerate(lines) if line.strip() and not is_comment(line, traits))
    return max(code, default=-1)


def _continues(lines: list[str], line: str, traits: LanguageTraits) -> bool:
    """Return whether ``line``, which follows ``lines``, continues a statement that begins above."""
    is_open = open_brackets("\n".join(lines), traits)[-1:] in {("(",), ("[",)}
    return is_open or lines[-1].endswith("\\") or bool(unopened(_LEADING_CLOSERS.sub("", line), traits))


def _has_body(line: str, below: str, traits: LanguageTraits) -> bool:
    """Return whether the document continues with the body of the block, or with its end."""
    if indent_width(below) > indent_width(line):
        return True
    return indent_width(below) == indent_width(line) and traits.closer.match(below.strip()) is not None
