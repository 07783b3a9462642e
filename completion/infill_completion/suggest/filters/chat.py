"""What chat models put around code: words to the user, fences, line numbers, and the code that they were given."""

from __future__ import annotations

import re

from infill_completion.document.lines import indent_of
from infill_completion.languages.brackets import cost
from infill_completion.languages.syntax import is_in_string_or_comment
from infill_completion.languages.traits import Blocks, opens_block
from infill_completion.suggest.filters.comments import is_in_comment
from infill_completion.suggest.filters.context import FilterContext
from infill_completion.suggest.filters.markup import is_markup
from infill_completion.suggest.filters.repetition import DEFINITION

# Words to the user, before code. A sentence follows such an opening, never an operator.
LEAD = re.compile(
    r"(?:sure|certainly|of course|absolutely|okay|ok|great|no problem|got it)[!,.]+"
    r"(?=[ \t]+[A-Z]|[ \t]*\n|[ \t]*$)[^\n]*"
    r"|(?:here(?:['’]s|\s+is|\s+are)|below\s+is|this\s+is|the\s+following\s+is)"
    r"\s+(?:the|a|an|your|my|how|what|one|some|an?other)\b[^\n=(){}\[\];]*[:.!]?"
    r"|(?:the|your)\s+(?:completed?|completion|missing|following|final|full|corrected|updated|rest\s+of\s+the)"
    r"\s+(?:\w+\s+){0,4}(?:is|are|would\s+be|should\s+be|looks?)\b[^\n=(){}\[\];]*[:.]"
    r"|(?:i(?:['’]ve|['’]ll|\s+have|\s+will)|you\s+can|to\s+complete|based\s+on|let\s+me|let['’]s|as\s+an\s+ai)"
    r"\s+\w+[^\n=(){}\[\];]*[:.,!]",
    re.IGNORECASE,
)
# What ends such a sentence.
_MARKS = (":", ".", "!", ",")
# Text between tags is prose, so only words about code are the model's own there.
_ABOUT_CODE = re.compile(r"\b(?:code|completion|completed|snippet|function|implementation)\b", re.IGNORECASE)
# Words to the user, after code: a line that is nothing but a sentence.
_TRAIL = re.compile(
    r"(?:this|the|in this|explanation|note(?: that)?|the above|i hope|hope this|let me know|feel free|here,? )\b"
    r"[ :,]*(?:\w[\w'’-]*,?[ ]+){2}[^\n=(){}\[\];]*[.!:]|(?:#+ |\*\*)?(?:explanation|note)s?:?(?:\*\*)?:?",
    re.IGNORECASE,
)
_FENCE = re.compile(r"\s*(?:```+|~~~+)[^\n`\"'\\;(){}\[\]]*(?:\n|$)")
_FENCE_LINE = re.compile(r"^[ \t]*(?:```+|~~~+)[\w+#.-]*[ \t]*$", re.MULTILINE)
_FENCE_END = re.compile(r"^[ \t]*(?:```|~~~)[\s\S]*", re.MULTILINE)
_NUMBERED = re.compile(r"[ \t]*(\d{1,6})(?:[ \t]*[|│→]|\t)[ ]?")
# The beginning of a line that is long enough, or begins a statement, is not written twice.
_MIN_LINE = 12
_STATEMENT = re.compile(
    r"(?:return|const|let|var|val|import|from|def|class|function|func|fn|if|for|while|elif|public|private|static|type"
    r"|struct|enum|export|package|use|using|raise|throw|yield|assert|with|case|#\s*include|select|insert)\b|.*\w\s*:?=\s*$",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[^\W\d_]{2,}")
# How many sentences before the code are dropped.
_MAX_SENTENCES = 8
# How many lines above are compared with a suggestion.
_MAX_ABOVE = 60


def drop_chatter(text: str, context: FilterContext) -> str:
    """Drop what a chat model says to the user before and after the code."""
    if context.window.before.strip() and "\n" not in text and not text.rstrip().endswith(_MARKS):
        return text  # It is the middle of a sentence.
    kept, is_between_tags = text, is_markup(context)
    for _ in range(_MAX_SENTENCES):
        match = LEAD.match(kept.lstrip())
        if match is None or (is_between_tags and not _ABOUT_CODE.search(match.group())):
            break
        kept = kept.lstrip()[match.end() :]
    if kept is not text:
        kept = kept.lstrip("\n") if "\n" in kept else ""
    kept = kept if is_between_tags else _without_trail(kept)
    return kept if kept != text and is_code(context) else text


def unwrap_fence(text: str, context: FilterContext) -> str:
    """Remove the Markdown fence that chat models put around code."""
    if ("```" not in text and "~~~" not in text) or not is_code(context):
        return text
    if not text.strip("`~") and text[:3] in context.window.before + context.window.rest:
        return text  # The line is about fences.
    match = _FENCE.match(text)
    if match is None:
        fences = [fence.span() for fence in _FENCE_LINE.finditer(text)]
        is_end = len(fences) % 2 == 1 and text[fences[0][0]] in "`~"
        return text[: fences[0][0]].rstrip("\n") if is_end else text
    code = _FENCE_END.sub("", text[match.end() :], count=1)
    return code.removeprefix(context.window.before) if not context.window.before.strip() else code


def drop_line_numbers(text: str, context: FilterContext) -> str:
    """Drop the line numbers that a model copies from listings, unless the document has such lines."""
    lines = text.split("\n")
    found = [_NUMBERED.match(line) for line in lines if line.strip()]
    numbers = [int(match.group(1)) for match in found if match is not None]
    if len(numbers) != len(found) or len(numbers) < 2 or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        return text
    if any(_NUMBERED.match(line) for line in context.window.above.split("\n")[-5:]) or not is_code(context):
        return text
    return "\n".join(_NUMBERED.sub("", line, count=1) for line in lines)


def drop_repeated_start(text: str, context: FilterContext) -> str:
    """Drop the code before the cursor where the suggestion begins by repeating it."""
    before, lines = context.window.before, text.lstrip("\n").split("\n")
    above = [line.strip() for line in context.window.above.split("\n")[-_MAX_ABOVE:] if line.strip()]
    count = _repeated_lines([line.strip() for line in lines[:_MAX_ABOVE]], above)
    left = _left_on_blank(lines, count, above, context) if not before.strip() else _left(lines, count, above, context)
    return text if left is None or not is_code(context) else left


def _left_on_blank(lines: list[str], count: int, above: list[str], context: FilterContext) -> str | None:
    """Return what is left of ``lines`` without their first ``count``, which are those above a blank line."""
    is_long = count >= 3 or (count == 2 and opens_block(above[-2], context.traits))
    if not is_long or len(lines) <= count:
        return None
    return "\n".join(lines[count:]).removeprefix(context.window.before)


def _left(lines: list[str], count: int, above: list[str], context: FilterContext) -> str | None:
    """Return what is left of ``lines`` without their first ``count``, which are those above, and the cursor's own."""
    before = context.window.before
    if len(lines) == 1 and lines[0].strip() in above and DEFINITION.match(lines[0].strip()):
        return ""  # It was about to repeat what is above, from its head on.
    rest = after_line(lines[count], before) if len(lines) > count else None
    if rest is None or (not count and not _is_repeated(before, lines[0], rest, context)):
        return None
    return "\n".join([rest, *lines[count + 1 :]])


def is_code(context: FilterContext) -> bool:
    """Return whether the cursor is in code; asked last, since it may take a parser."""
    if context.traits.blocks is Blocks.PROSE or is_in_comment(context):
        return False
    return not is_in_string_or_comment(context.window, context.language_id)


def _without_trail(text: str) -> str:
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if number and not lines[number - 1].strip() and _TRAIL.fullmatch(line.rstrip()):
            return "\n".join(lines[:number]).rstrip("\n")
    return text


def _repeated_lines(own: list[str], above: list[str]) -> int:
    """Return how many of the first lines of a suggestion are the last lines above the cursor's."""
    if not own or not _LETTERS.search(own[0]):
        return 0
    for size in range(min(len(own), len(above)), 0, -1):
        if above[-size] == own[0] and above[-size:] == own[:size]:
            return size
    return 0


def after_line(line: str, before: str) -> str | None:
    """Return what follows the cursor's line up to the cursor, ``before``, in ``line``; None if it begins otherwise."""
    start = before.strip()
    if not line.strip().startswith(start):
        return None
    rest = line.lstrip()[len(start) :]
    is_word = bool(rest) and (rest[0].isalnum() or rest[0] == "_") and (start[-1].isalnum() or start[-1] == "_")
    if not before[-1].isspace():
        # After a blank that is no indentation comes another word, which only begins like the line.
        is_other = is_word and line[:1].isspace() and indent_of(line) != indent_of(before)
        return None if is_other else rest
    return None if is_word else rest.lstrip(" \t")


def _is_repeated(before: str, line: str, rest: str, context: FilterContext) -> bool:
    """Return whether ``line``, which begins as ``before`` does, is meant to replace it; else it is nested in it."""
    start = before.strip()
    if not _LETTERS.search(start) or not (len(start) >= _MIN_LINE or _STATEMENT.match(start)):
        return False
    if start.endswith(",") and not _STATEMENT.match(start):
        return False  # Lists repeat their entries.
    if start.endswith(">") and is_markup(context):
        return False
    nested = cost(before + line + context.window.rest, context.traits, ())
    plain = cost(before + rest + context.window.rest, context.traits, ())
    angles = start.count("<") - start.count(">")
    if angles > 0 and line.count(">") > line.count("<"):
        return False
    return plain <= nested
