"""Lines that are indented too deeply, as models often write the first line on a blank one."""

from __future__ import annotations

import re
from itertools import pairwise

from infill_completion.document.lines import indent_of, indent_width
from infill_completion.languages.block_styles import YAML
from infill_completion.languages.brackets import open_brackets
from infill_completion.languages.long_literals import open_literal
from infill_completion.languages.registry import BY_ID
from infill_completion.languages.syntax import code_before, is_in_string_or_comment
from infill_completion.languages.traits import Blocks, LanguageTraits, opens_block
from infill_completion.languages.yaml_columns import allowed_columns
from infill_completion.suggest.filters.comments import is_comment, is_in_comment
from infill_completion.suggest.filters.context import FilterContext

# Only a colon or an open bracket makes the next line deeper here, and a line at another column is an error.
STRICT_LANGUAGES = frozenset({"python", "cython", "starlark", "gdscript"})
# What ends a statement or an entry in languages with braces; after anything else the line may continue.
_ENDS = (";", "}", ",")
# The end of a line that the next one continues, in languages without semicolons.
_CONTINUED = (",", "\\", "=", "(", "[", "{", "|", "&&", ".", "+")
# After a label the statements of a case may be deeper.
_LABEL = re.compile(r"\s*(?:case\b[^;]*|\w+\s*):")
# After so many lines that are rightly deeper, inside brackets or strings, none is checked, since each check reads all.
_MAX_CHECKS = 32
# Far enough back to find a line that is not blank.
_LINES_BACK = 8
# Labels and closing brackets are indented as the code style wants.
_IS_FREE = re.compile(_LABEL.pattern + r"|\s*[)\]}]")


def trim_stray_indent(text: str, context: FilterContext) -> str:
    """Begin the first line no deeper than the lines above allow, and shift the other lines with it."""
    before, blanks = context.window.before, indent_of(text)
    if before.strip() or context.window.rest.strip() or not (blanks or context.traits is YAML):
        return text
    written, allowed = indent_width(before + blanks), _allowed(text, context)
    if allowed is None:
        return text
    if context.traits is YAML and min(allowed) <= written and not any(column >= len(before) for column in allowed):
        return ""  # At the cursor it would be text of the entry above.
    wanted = max((width for width in allowed if width <= written), default=0)
    kept = cut_blanks(before + blanks, max(wanted, indent_width(before)))[len(before) :]
    excess = written - indent_width(before + kept)
    if not excess or is_in_comment(context) or is_in_string_or_comment(context.window, context.language_id):
        return text
    first, *others = text[len(blanks) :].split("\n")
    if _is_shifted(first, others, written, context.traits):
        others = [cut_blanks(indent_of(line), indent_width(line) - excess) + line.lstrip(" \t") for line in others]
    return "\n".join([kept + first, *others])


def cut_at_stray_depth(text: str, context: FilterContext) -> str:
    """Cut before a line that is deeper than the one above, if that one opens no block."""
    if not _is_braced(context) and context.language_id not in STRICT_LANGUAGES:
        return text
    lines = text.split("\n")
    above, checks = "", 0
    for number, line in enumerate([context.window.before + lines[0], *lines[1:]]):
        if not line.strip() or is_comment(line, context.traits):
            continue
        is_deeper = above and indent_width(line) > indent_width(above) and not _IS_FREE.match(line)
        if is_deeper and not opens_block(above, context.traits) and checks < _MAX_CHECKS:
            checks += 1
            if context.literal is not None:
                return text
            if _is_complete("\n".join(lines[:number]), above, context):
                return "\n".join(lines[:number])
        above = line
    return text


def _is_complete(text: str, last: str, context: FilterContext) -> bool:
    """Return whether a statement certainly ends with ``text``, the last line of which is ``last``."""
    code, whole = last.rstrip(), code_before(context.window) + text
    if _ends_string(code) or any(whole.count(fence) % 2 for fence in ('"""', "'''", "`")):
        return False
    if context.window.starts_document and open_literal(whole, context.language_id) is not None:
        return False
    if _is_braced(context):
        return code.endswith(";") and _LABEL.match(code) is None and not open_brackets(code, context.traits)
    if not context.window.starts_document and _follows_comma(whole):
        return False  # in brackets that the window does not show
    return not (opens_block(code, context.traits) or code.endswith("\\") or open_brackets(whole, context.traits))


def _follows_comma(text: str) -> bool:
    """Return whether the line before the last one of ``text`` ends with a comma."""
    lines = [line for line in text.rstrip().rsplit("\n", _LINES_BACK)[1:] if line.strip()]
    return len(lines) > 1 and lines[-2].rstrip().endswith(",")


def _ends_string(line: str) -> bool:
    """Return whether a string of several lines seems to end in ``line``, whose indentation is then irrelevant."""
    return any(line.count(fence) % 2 for fence in ('"', "'''", "`"))


def _is_braced(context: FilterContext) -> bool:
    return context.traits.blocks is Blocks.BRACES and context.traits.is_balanced


def _allowed(text: str, context: FilterContext) -> set[int] | None:
    """Return the columns at which ``text`` may begin; None if any column is allowed."""
    window, traits = context.window, context.traits
    if traits is YAML:
        return allowed_columns(text.partition("\n")[0], window.above, indent_width(window.before))
    if not _is_braced(context) and context.language_id not in STRICT_LANGUAGES:
        return _repeated(text, context)
    lines = [line.rstrip() for line in window.above.split("\n") if line.strip() and not is_comment(line, traits)]
    if not lines:
        return {0} if window.starts_document and not window.above.strip() else None
    last = lines[-1]
    if opens_block(last, traits):
        return _inside(lines, indent_width(window.before), traits)
    if _ends_string(last) or not _has_ended(last, context):
        return None
    # A line no deeper than the one above may continue any of the open blocks.
    widths = range(indent_width(last) + 1) if _is_braced(context) else map(indent_width, lines)
    allowed = {width for width in widths if width <= indent_width(last)} | {0}
    # A long block can push the lines that enclose it out of the window; then any smaller indentation may be theirs.
    return allowed if window.starts_document else allowed | set(range(min(map(indent_width, lines))))


def _repeated(text: str, context: FilterContext) -> set[int] | None:
    """Return the cursor's column if the model repeats the indentation that is there already; None if it does not."""
    before, traits = context.window.before, context.traits
    lines = [line.rstrip() for line in context.window.above.split("\n") if line.strip()]
    is_prose = traits.blocks is Blocks.PROSE or context.language_id not in BY_ID
    if is_prose or not before or indent_of(text) != before or not lines or context.literal is not None:
        return None
    last, width = lines[-1], indent_width(before)
    if opens_block(last, traits):
        return {width} if width > indent_width(last) else None
    is_unfinished = last.endswith(_CONTINUED) or last.count("<") > last.count(">")
    return {width} if indent_width(last) == width and not is_unfinished else None


def _has_ended(line: str, context: FilterContext) -> bool:
    if _is_braced(context):
        return line.endswith(_ENDS) and not open_brackets(line, context.traits)
    return not line.endswith("\\") and not open_brackets(code_before(context.window), context.traits)


def _inside(lines: list[str], width: int, traits: LanguageTraits) -> set[int] | None:
    """Return the columns at which the block that the last line opens may begin, with the cursor at ``width``."""
    opener = indent_width(lines[-1])
    if width <= opener or lines[-1].rstrip().endswith(("(", "[")):
        return None
    steps = {indent_width(below) - indent_width(line) for line, below in pairwise(lines) if opens_block(line, traits)}
    return {width, *(opener + step for step in steps or {4})}


def _is_shifted(first: str, others: list[str], width: int, traits: LanguageTraits) -> bool:
    """Return whether the other lines are as much too deep as the first one, which was at column ``width``."""
    following = next((indent_width(line) for line in others if line.strip()), None)
    if following is None:
        return False
    return following > width if opens_block(first, traits) else following >= width


def cut_blanks(blanks: str, width: int) -> str:
    """Return the beginning of ``blanks`` that is at most ``width`` columns wide."""
    if indent_width(blanks) <= width:
        return blanks
    column = 0
    for index, character in enumerate(blanks):
        column += 1 if character == " " else 4 - column % 4
        if column > width:
            return blanks[:index]
    return blanks
