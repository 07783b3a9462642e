"""Where the strings of a line end, including those with code in them, found without a parser."""

from __future__ import annotations

import re

from infill_completion.languages.literal_styles import CHARACTER
from infill_completion.languages.traits import LanguageTraits

QUOTES = "\"'`"
_CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
_CLOSERS = frozenset(_CLOSER_OF.values())
_CHARACTER = re.compile(CHARACTER)
# A regular expression, as scripts write it, and what may precede it; after anything else a slash divides.
_PATTERN = re.compile(r"/(?![*/])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.){0,99}\]){1,200}/")
_BEFORE_PATTERN = frozenset("(,=:[!&|?{};")
# Strings whose code does not end, on one line: after so many they are read as if they held none, in linear time.
_MAX_FAILURES = 8
_MAX_DEPTH = 20


class LineStrings:
    """The strings of a line.

    Args:
        line: The line.
        traits: The traits of its language.
    """

    def __init__(self, line: str, traits: LanguageTraits) -> None:
        self._line, self._traits = line, traits
        self._failures = 0

    def end(self, start: int) -> tuple[int, bool]:
        """Return the end of the string that begins with the quote at ``start``, and whether it certainly is one.

        An unpaired quote counts as one character. If a string holds code that does not end, it ends at its next quote.
        """
        line, quote = self._line, self._line[start]
        if quote not in self._traits.quotes:
            match = _CHARACTER.match(line, start) if quote == "'" else None
            return (match.end(), True) if match else (start + 1, False)
        plain = self._next(quote, start + 1)
        if not self._holds_code(start, plain or len(line)) or self._failures >= _MAX_FAILURES:
            return plain or start + 1, plain > 0
        end = self._end_with_code(start)
        self._failures += end == 0
        return (end, True) if end else (plain or start + 1, False)

    def _holds_code(self, start: int, end: int) -> bool:
        rule = self._traits.interpolation
        if rule is None or not rule.applies(self._line, start):
            return False
        return any(self._line.find(opener, start, end) >= 0 for opener, _ in rule.pairs)

    def _next(self, quote: str, index: int) -> int:
        """Return the offset after the first ``quote`` from ``index`` on that no backslash precedes; 0 without one."""
        while (index := self._line.find(quote, index)) >= 0:
            if not _is_escaped(self._line, index):
                return index + 1
            index += 1
        return 0

    def _end_with_code(self, start: int) -> int:
        """Return the end of a string with code in it, which may hold strings in turn; 0 if one of them does not end."""
        index = start
        around: list[tuple[str, bool]] = []  # What ends each string, or each bracket in code, and whether it is code.
        while index < len(self._line) and len(around) <= _MAX_DEPTH:
            closer, is_code = around[-1] if around else ("", True)
            step = self._step_in_code(index, closer, around) if is_code else self._step_in_string(index, closer, around)
            if not step:
                return 0
            index += step
            if not around:
                return index
        return 0

    def _step_in_string(self, index: int, quote: str, around: list[tuple[str, bool]]) -> int:
        character, rule = self._line[index], self._traits.interpolation
        # Only in strings that may hold code is `around` in use; of others the whole is one step.
        for opener, closer in rule.pairs if rule is not None else ():
            if self._line.startswith(opener, index):
                if len(opener) == 1 and self._line.startswith(2 * opener, index):
                    return 2  # A doubled brace is text.
                around.append((closer, True))
                return len(opener)
        if character == quote:
            around.pop()
        return 2 if character == "\\" else 1

    def _step_in_code(self, index: int, closer: str, around: list[tuple[str, bool]]) -> int:
        character, rule = self._line[index], self._traits.interpolation
        if character in self._traits.quotes:
            if rule is not None and rule.applies(self._line, index):
                around.append((character, False))
                return 1
            return max(self._next(character, index + 1) - index, 0)
        if character in _CLOSER_OF:
            around.append((_CLOSER_OF[character], True))
        elif character in _CLOSERS:
            if character != closer:
                return 0
            around.pop()
        elif character == "'" and (match := _CHARACTER.match(self._line, index)):
            return match.end() - index
        elif character == "/" and self._traits.line_comment == "//" and (end := pattern_end(self._line, index)):
            return end - index
        return 1


def interpolated_code(line: str, start: int, traits: LanguageTraits) -> int | None:
    """Return where the code begins that is open at the end of ``line`` in the string from ``start`` on; None without.

    The string must be open there, too. Of code in several braces the last is meant.
    """
    rule = traits.interpolation
    if rule is None or not rule.applies(line, start):
        return None
    begun: list[tuple[int, str]] = []
    index = start + 1
    while index < len(line):
        opener = next(((one, end) for one, end in rule.pairs if line.startswith(one, index)), None)
        if opener is not None and not begun and len(opener[0]) == 1 and line.startswith(2 * opener[0], index):
            index += 2  # A doubled brace is text.
        elif opener is not None:
            index += len(opener[0])
            begun.append((index, opener[1]))
        else:
            if begun and line.startswith(begun[-1][1], index):
                begun.pop()
            index += 2 if line[index] == "\\" and not begun else 1
    return begun[-1][0] if begun else None


def pattern_end(line: str, start: int) -> int:
    """Return the end of the regular expression that begins with the slash at ``start``; 0 if a slash divides there."""
    before = start - 1
    while before >= 0 and line[before].isspace():
        before -= 1
    match = _PATTERN.match(line, start) if before >= 0 and line[before] in _BEFORE_PATTERN else None
    return match.end() if match else 0


def _is_escaped(line: str, index: int) -> bool:
    """Return whether an odd number of backslashes precedes ``index``."""
    start = index
    while start and line[start - 1] == "\\":
        start -= 1
    return (index - start) % 2 == 1
