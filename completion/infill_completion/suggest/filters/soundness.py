"""Keeps suggestions from breaking the syntax of a document, as far as a parser can tell."""

from __future__ import annotations

import re

from infill_completion.document.window import Window
from infill_completion.languages.brackets import mismatches, open_brackets, unopened
from infill_completion.languages.registry import traits_of
from infill_completion.languages.syntax import breaks_syntax, is_unfinished
from infill_completion.languages.traits import LanguageTraits, opens_block
from infill_completion.suggest.extent import literal_at

# The end of a line that continues below: an operator, a word that something must follow, a tag, a label.
_OPEN_END = re.compile(r"(?:[-+*/%&|^<>=!?:.(\[{\\~]|\b(?:and|or|not|in|is|else|new|await|as|do|try|where|extends))$")
# Lines that belong to the next one: decorators, annotations, attributes, directives of C.
_PRELUDE = re.compile(r"\s*[@#]")
_FENCES = ('"""', "'''", "`")


def sound_part(window: Window, text: str, replaced: int, language_id: str, *, is_invoked: bool = False) -> str:
    """Return ``text``, its first line or nothing: the longest that does not break the syntax of the document.

    A line that may go on or that a user may complete breaks nothing yet. An invoked suggestion may have syntax errors,
    since the user asked for it, unless it uses the closing bracket of the line for another pair than the document does.

    Args:
        window: The text around the cursor.
        text: The suggestion.
        replaced: How many characters right of the cursor it replaces.
        language_id: LSP's language id.
        is_invoked: Whether the user invoked the suggestion.
    """
    if is_invoked and (replaced or not _takes_closer(window, text, language_id)):
        return text
    # A parser takes the text of a string whose end is missing for code, with many errors and much time.
    if _is_in_literal(window, text, language_id) or not breaks_syntax(window, text, replaced, language_id):
        return text
    if _may_continue(window, text, replaced, language_id):
        return text
    end = text.find("\n", len(text) - len(text.lstrip()))
    first = "" if end < 0 else text[:end]
    return first if first and not breaks_syntax(window, first, replaced, language_id) else ""


def _takes_closer(window: Window, text: str, language_id: str) -> bool:
    """Return whether ``text`` closes what the rest of the line closes, which then closes something of ``text``."""
    return bool(window.rest.strip()) and bool(unopened(text, traits_of(language_id)))


def _is_in_literal(window: Window, text: str, language_id: str) -> bool:
    """Return whether ``text`` only goes on with a string or comment of several lines, whose end may be out of sight."""
    literal = literal_at(window, language_id)
    return literal is not None and literal.end_in(text) is None


def _may_continue(window: Window, text: str, replaced: int, language_id: str) -> bool:
    """Return whether the suggestion's last line, with the rest of the cursor's line, may go on or be completed."""
    traits, rest = traits_of(language_id), window.rest[replaced:]
    line = (window.before + text + rest).rstrip().rpartition("\n")[2]
    if mismatches(line, traits):
        return False
    if not replaced and rest.strip():
        # What else the rest of the line opens has nothing to do with the suggestion.
        now, before = _left_open(line, traits), _left_open(window.before + rest, traits)
        return len(now[0]) > len(before[0]) or now[1:] != before[1:]
    if opens_block(line, traits) or _OPEN_END.search(line) or _PRELUDE.match(line) or _is_open(line, traits):
        return True
    return not rest.strip() and is_unfinished(window, text, replaced, language_id)


def _is_open(line: str, traits: LanguageTraits) -> bool:
    """Return whether ``line`` opens a bracket, a string or a comment that it does not close."""
    brackets, *others = _left_open(line, traits)
    return bool(brackets) or any(others)


def _left_open(line: str, traits: LanguageTraits) -> tuple[tuple[str, ...], bool, bool]:
    """Return the brackets that ``line`` leaves open, whether a string, and whether a comment."""
    is_string = any(line.count(fence) % 2 for fence in _FENCES)
    return open_brackets(line, traits), is_string, line.count("/*") > line.count("*/")
