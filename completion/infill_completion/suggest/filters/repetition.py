"""Text that repeats the document or itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_completion.document.lines import indent_width
from infill_completion.languages.traits import opens_block
from infill_completion.suggest.ending import whole_part
from infill_completion.suggest.filters.context import FilterContext
from infill_completion.suggest.filters.loops import BARE_WORD, LETTERS, loop_in, unfinished_loop_in

_LETTER = re.compile(r"[^\W\d_]")
# Methods of different classes may look alike, so only what is not indented counts.
DEFINITION = re.compile(
    r"(?:(?:export|default|pub|async|public|static|abstract|data|final) )*"
    r"(?:def|class|function|fn|func|fun|struct|interface|enum|trait) \w"
)
_LOOP = re.compile(r"(.{2,80}?)\1{3,}.{0,40}$", re.DOTALL)
# How many characters at the end of a text are searched for such a loop.
_MAX_LOOP_CHARACTERS = 4000
# A line begun with this many characters or fewer may occur twice.
_SHORT = 8
# Lines that never occur twice in a row: imports, what leaves a block, and declarations.
_ONCE = re.compile(
    r"\s*(?:import\b.*|from \S+ import\b.*|# *include\b.*|(?:use|using|require|package|return|raise|throw) .+"
    r"|\"[\w./-]+\"|(?:export )?(?:const|let|var|val) .+"
    r"|(?!(?:yield|await|echo|print|new|case|delete) )(?:[A-Za-z_][\w:.<>\[\]]*[ *&]+)+[A-Za-z_]\w*"
    r"(?:\[\w*\])*(?: *=.*)?;)"
)
# Heads of blocks that never contain a copy of themselves as first line.
_HEAD = re.compile(
    r"\s*(?:for|foreach|while|if|elif|switch|match|unless|until|def|func|fn|function|class|struct)\b.*\w"
)


def cut_next_lines(text: str, context: FilterContext) -> str:
    """Cut where the suggestion begins to repeat the lines below the cursor."""
    rest = context.window.rest
    if rest.strip():
        return "" if not _LETTER.search(rest) and _is_line_below(text, rest, context) else text
    lines = text.split("\n")
    lines[0] = context.window.before + lines[0]
    below = [line for line in context.window.below.split("\n")[: 2 * len(lines) + 20] if line.strip()]
    is_long = len(lines[0].strip()) > _SHORT and not BARE_WORD.fullmatch(lines[0])
    is_line = is_long or not context.window.before.strip()
    own = [line for line in lines if line.strip()]
    if is_line and lines[0].strip():
        # What the model repeats begins at the cursor, where the indentation may be missing or doubled.
        is_shallower = bool(below) and indent_width(own[0]) < indent_width(below[0])
        may_differ = (len(own) > 1 or is_shallower) and not context.window.before.strip()
        if _repeats(own, below, may_differ=may_differ):
            return ""
    numbers = [number for number, line in enumerate(lines) if line.strip()]
    last = max((number for number in numbers if _LETTER.search(lines[number])), default=-1)
    for count in _repeated(below, own):
        start = numbers[-count]
        is_part = context.traits.next_part.match(lines[start].strip()) is not None
        is_conclusive = count > 1 or is_part or not BARE_WORD.fullmatch(lines[start])
        if is_conclusive and 0 < start <= last:
            return "\n".join(text.split("\n")[:start])
    return text


def _is_line_below(text: str, rest: str, context: FilterContext) -> bool:
    """Return whether the cursor's line becomes the next line of the document once it has ``text``."""
    before = context.window.before
    written = before + text.rstrip() if text.rstrip().endswith(rest.strip()) else before + text + rest
    below = next((line for line in context.window.below.split("\n") if line.strip()), "")
    is_line = len((before + text).strip()) > _SHORT and "\n" not in text
    return is_line and _repeats([written], [below], may_differ=False)


def drop_second_brace(text: str, context: FilterContext) -> str:
    """Drop a block below the cursor's line if the document has one there."""
    first = text.lstrip().partition("\n")[0].rstrip()
    if context.window.rest.strip() or not text.lstrip(" \t").startswith("\n") or first != "{":
        return text
    below = next((line for line in context.window.below.split("\n") if line.strip()), "")
    return "" if below.strip().startswith("{") else text


def cut_copied_line(text: str, context: FilterContext) -> str:
    """Cut before a line that copies the one above, at the third in a row or where two are wrong already."""
    if context.window.rest.strip():
        return text
    lines = text.split("\n")
    own = [context.window.before + lines[0], *lines[1:]]
    run = [line for line in context.window.above.split("\n")[-20:] if line.strip()][-2:]
    copied: int | None = None
    for number, line in enumerate(own):
        if not line.strip():
            continue
        copied = None if run[-1:] != [line] else number if copied is None else copied
        if run and LETTERS.search(line) and (run == [line] * 2 or _is_once(run[-1], line, context)):
            return "\n".join(lines[: number if copied is None else copied])
        run = [*run[-1:], line]
    return text


def _is_once(above: str, line: str, context: FilterContext) -> bool:
    if line == above:
        return _ONCE.fullmatch(line.rstrip()) is not None
    is_nested = line.strip() == above.strip() and _HEAD.match(line) is not None
    return is_nested and opens_block(line, context.traits)


def drop_third_copy(text: str, context: FilterContext) -> str:
    """Drop a suggestion that repeats the block above, or lines that occur there twice already."""
    lines = [line for line in (context.window.before + text).split("\n") if line.strip()]
    above = [line for line in context.window.above.split("\n")[-40:] if line.strip()]
    if not lines or context.window.rest.strip() or not any(LETTERS.search(line) for line in lines):
        return text
    copies, size = 2 if len(lines) < 3 else 1, len(lines)
    groups = [above[start : start + size] for start in range(len(above) - copies * size, len(above), size)]
    if len(above) < copies * size or any(group != groups[0] for group in groups):
        return text
    first = groups[0][0] if size == 1 else groups[0][0].lstrip()
    is_copy = groups[0][1:] == lines[1:] and first == (lines[0] if size == 1 else lines[0].lstrip())
    return "" if is_copy else text


def drop_known_definition(text: str, context: FilterContext) -> str:
    """Drop the head of a definition that the document already has at its top level."""
    first = (context.window.before + text).partition("\n")[0].rstrip()
    if context.window.rest.strip() or not DEFINITION.match(first):
        return text
    document = f"\n{context.window.above}\n{context.window.below}\n"
    return "" if f"\n{first}\n" in document else text


def cut_loop(text: str, context: FilterContext) -> str:
    """Cut where the model began to loop."""
    lines = text.split("\n")
    own = [context.window.before + lines[0], *lines[1:]]
    found = loop_in(own) or unfinished_loop_in(own)
    if found is not None:
        start, size = found
        above, group = context.window.above.rstrip("\n").split("\n"), own[start : start + size]
        # If the group ends with the head of a block, its beginning is the body.
        is_copy = above[-size:] == group and not opens_block(group[-1], context.traits)
        return "\n".join(lines[: start if is_copy else start + size])
    start = max(len(text) - _MAX_LOOP_CHARACTERS, 0)
    match = _LOOP.search(text, start) if context.is_cut_off else None
    if match is None or not LETTERS.search(match.group(1)):
        return text
    return whole_part(text[: match.start()], may_span_lines=True)


def _repeats(own: list[str], below: list[str], *, may_differ: bool) -> bool:
    """Return whether lines of a suggestion are the next lines of the document.

    Args:
        own: The lines of the suggestion.
        below: The lines of the document.
        may_differ: Whether the first line may have another indentation.
    """
    if len(below) < len(own) or not any(_LETTER.search(line) for line in own):
        return False
    return all(
        mine.strip() == other.strip() and (indent_width(mine) == indent_width(other) or (may_differ and number == 0))
        for number, (mine, other) in enumerate(zip(own, below, strict=False))
    )


def _repeated(below: list[str], own: list[str]) -> Iterator[int]:
    """Yield how many of the last lines in ``own`` are the first ones in ``below``, most first.

    By the failure function of Knuth, Morris and Pratt, which takes linear time.
    """
    keys = [(line.strip(), indent_width(line)) for line in [*below[: len(own)], *own]]
    sequence = [*keys[: len(keys) - len(own)], None, *keys[len(keys) - len(own) :]]
    borders = [0] * len(sequence)
    for at in range(1, len(sequence)):
        size = borders[at - 1]
        while size and sequence[size] != sequence[at]:
            size = borders[size - 1]
        borders[at] = size + (sequence[size] == sequence[at])
    size = borders[-1]
    while size:
        yield size
        size = borders[size - 1]
