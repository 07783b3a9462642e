"""Open brackets in a piece of code, found without a parser."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from infill_completion.languages.line_strings import QUOTES, LineStrings, pattern_end
from infill_completion.languages.traits import LanguageTraits

PAIRS = {")": "(", "]": "[", "}": "{"}
_OPENERS = frozenset(PAIRS.values())

# An apostrophe or a digit separator, unless the word is a prefix of a Python string.
_IN_WORD = re.compile(r"\b(\w+)'(?=\w)")
_PREFIXES = frozenset({"b", "br", "f", "fr", "r", "rb", "rf", "u"})

_LIFETIME = re.compile(r"(?<!\w)'[A-Za-z_]\w*\b(?!')")

# Strings and comments to the end of the line come first: what they contain begins no comment of several lines.
# A string that does not end reaches to the end of its line: trying each of its quotes would take quadratic time.
_STRING = r"\"(?:\\.|[^\"\\\n])*+\"?|'(?:\\.|[^'\\\n]){0,200}'"
# A delimiter that another string or a comment contains begins nothing.
_FENCED = re.compile(rf"(\"{{3}}|'{{3}})[\s\S]*?(?:\1|\Z)|{_STRING}")
_FENCED_OR_COMMENT = re.compile(rf"{_FENCED.pattern}|#[^\n]*")
_COMMENT = re.compile(rf"({_STRING}|//[^\n]*)|/\*[\s\S]*?(?:\*/|\Z)")
# The same with raw strings between backticks, as in Go; those of one line are left to `_scanned`.
_COMMENT_OR_RAW = re.compile(rf"({_STRING}|//[^\n]*|`[^`\n]*`)|/\*[\s\S]*?(?:\*/|\Z)|`[^`]*(?:`|\Z)")
_NOT_NEWLINE = re.compile(r"[^\n]")


def brackets(text: str, traits: LanguageTraits) -> Iterator[tuple[int, str]]:
    """Yield offset and character of each bracket outside comments and outside strings that end on their line."""
    for start, line, indexes in bracket_lines(text, traits):
        for index in indexes:
            yield start + index, line[index]


def bracket_lines(text: str, traits: LanguageTraits) -> Iterator[tuple[int, str, tuple[int, ...]]]:
    """Yield each line that `brackets` finds brackets in, literals of several lines blanked: its offset, it, theirs."""
    start = 0
    for line in _without_long_strings(text, traits).split("\n"):
        indexes = _scanned(line, traits)[0]
        if indexes:
            yield start, line, indexes
        start += len(line) + 1


def open_brackets(text: str, traits: LanguageTraits) -> tuple[str, ...]:
    """Return the brackets that ``text`` opens and does not close, the outermost first.

    A closing bracket that does not match is ignored, so the text may begin in the middle of a file.
    """
    stack: list[str] = []
    for _, character in brackets(text, traits):
        if character in _OPENERS:
            stack.append(character)
        elif stack and stack[-1] == PAIRS[character]:
            stack.pop()
    return tuple(stack)


def unopened(text: str, traits: LanguageTraits, stack: tuple[str, ...] = ()) -> list[tuple[int, str]]:
    """Return the closing brackets of ``text`` that neither ``text`` nor ``stack`` opens, with their offsets."""
    return unmatched(brackets(text, traits), stack)


def unmatched(found: Iterable[tuple[int, str]], stack: tuple[str, ...]) -> list[tuple[int, str]]:
    """Return the closing brackets in ``found``, which is in order, that neither it nor ``stack`` opens."""
    left = list(stack)
    counts = Counter(left)
    excess: list[tuple[int, str]] = []
    for offset, character in found:
        if character in _OPENERS:
            left.append(character)
            counts[character] += 1
        elif counts[PAIRS[character]]:
            while (opener := left.pop()) != PAIRS[character]:
                counts[opener] -= 1
            counts[opener] -= 1
        else:
            excess.append((offset, character))
    return excess


def mismatches(text: str, traits: LanguageTraits) -> bool:
    """Return whether ``text`` closes a bracket that it opened with one of another kind, as in ``({)``."""
    stack: list[str] = []
    for _, character in brackets(text, traits):
        if character in _OPENERS:
            stack.append(character)
        elif stack and stack.pop() != PAIRS[character]:
            return True
    return False


def cost(line: str, traits: LanguageTraits, stack: tuple[str, ...]) -> int:
    """Return the number of flaws in ``line``: closing brackets that nothing opens, and strings that do not end."""
    return len(unopened(line, traits, stack)) + unended_strings(line, traits)


def unended_strings(line: str, traits: LanguageTraits) -> int:
    """Return how many quotes of ``line`` begin a literal that does not end, or in which code does not end.

    Quotes inside other literals do not count. Single quotes are also apostrophes and begin Rust's lifetimes. In prose,
    where no quote begins a string, all are paired.
    """
    return len(unended_quotes(line, traits))


def unended_quotes(line: str, traits: LanguageTraits) -> str:
    """Return the quotes that `unended_strings` counts."""
    if not traits.quotes:
        traits = replace(traits, quotes=QUOTES)
    if "'" in line and "'" not in traits.quotes:
        line = _LIFETIME.sub("", line)
    line = _IN_WORD.sub(lambda match: match.group() if match.group(1).lower() in _PREFIXES else match.group(1), line)
    strings, found, index = LineStrings(line, traits), "", 0
    while index < len(line):
        character = line[index]
        if character in QUOTES:
            index, is_sound = strings.end(index)
            found += "" if is_sound else character
        elif character == "/" and traits.line_comment == "//" and (end := pattern_end(line, index)):
            index = end
        else:
            index += 2 if character == "\\" else 1
    return found


def comment_start(line: str, traits: LanguageTraits) -> int | None:
    """Return where the comment that runs to the end of ``line`` begins; None without one."""
    return _scanned(line, traits)[1]


def without_comments(text: str, traits: LanguageTraits) -> str:
    """Blank out comments between slash and star, if the language has them."""
    if "/*" not in text or not (traits.line_comment == "//" or traits.block_comment[0] == "/*"):
        return text
    return _COMMENT.sub(lambda match: match.group() if match.group(1) else _blank(match), text)


def _without_long_strings(text: str, traits: LanguageTraits) -> str:
    """Blank out literals that may span lines: triple-quoted and raw strings, and comments between slash and star."""
    if '"""' in text or "'''" in text:
        fenced = _FENCED_OR_COMMENT if traits.line_comment == "#" else _FENCED
        text = fenced.sub(lambda match: _blank(match) if match.group(1) else match.group(), text)
    if "`" in text and "`" in traits.raw_quotes:
        return _COMMENT_OR_RAW.sub(_without_raw, text)
    return without_comments(text, traits) if traits.line_comment == "//" else text


def _without_raw(match: re.Match[str]) -> str:
    is_kept = match.group(1) or (match.group().startswith("`") and "\n" not in match.group())
    return match.group() if is_kept else _blank(match)


def _blank(match: re.Match[str]) -> str:
    return _NOT_NEWLINE.sub(" ", match.group())


@lru_cache(maxsize=4096)
def _scanned(line: str, traits: LanguageTraits) -> tuple[tuple[int, ...], int | None]:
    """Return the offsets of the brackets in the code of ``line``, and where its comment begins."""
    strings, found, index = LineStrings(line, traits), list[int](), 0
    comment = traits.line_comment
    while index < len(line):
        character = line[index]
        if comment and line.startswith(comment, index) and (index == 0 or not line[index - 1].isalnum()):
            return tuple(found), index
        if character in QUOTES:
            index, _ = strings.end(index)
            continue
        if character == "/" and comment == "//" and (end := pattern_end(line, index)):
            index = end
            continue
        if character in PAIRS or character in _OPENERS:
            found.append(index)
        index += 2 if character == "\\" else 1
    return tuple(found), None
