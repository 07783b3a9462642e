"""Strings and comments that may span lines, found without a parser, so in every language."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from infill_completion.languages.brackets import unended_strings
from infill_completion.languages.literal_styles import STYLES
from infill_completion.languages.registry import traits_of

_ESCAPED = re.compile(r"(?<!\\)(?:\\\\)*\\\Z")
_MAX_BACKSLASHES = 64
# A fence of Markdown, with what may follow an opening one.
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})([^\n`]*)$", re.MULTILINE)
_TEMPLATE = re.compile(r"\\.|`|\$\{|[{}]", re.DOTALL)


@dataclass(frozen=True)
class LongLiteral:
    """A string or comment that may span lines and is open at the end of a text.

    Attributes:
        opening: Its opening delimiter.
        written: The text after the opening delimiter.
        closing: Its closing delimiter; the pattern of a line if ``is_line``.
        is_line: Whether the closing delimiter is a line of its own, as that of a here-document is.
        has_escapes: Whether a backslash before the closing delimiter makes it text.
    """

    opening: str
    written: str
    closing: str
    is_line: bool = False
    has_escapes: bool = False

    def end_in(self, text: str, start: int = 0) -> tuple[int, int] | None:
        """Return the span of the closing delimiter in ``text`` from ``start`` on; None if it is not there.

        ``start`` must be inside the literal. A delimiter that is a line of its own includes the line end before it.
        """
        if self.is_line:
            match = re.compile(self.closing, re.MULTILINE).search(text, start)
            return (max(match.start() - 1, 0), match.end()) if match else None
        if self.closing == "`" and self.has_escapes:
            end = _template_end(text, start)
            return (end - 1, end) if end is not None else None
        at = text.find(self.closing, start)
        while at >= 0 and self.has_escapes and _ESCAPED.search(text[max(at - _MAX_BACKSLASHES, start) : at]):
            at = text.find(self.closing, at + 1)
        return (at, at + len(self.closing)) if at >= 0 else None

    def is_closed_in(self, suffix: str, language_id: str, *, is_cut: bool = False) -> bool:
        """Return whether ``suffix`` closes it rather than opening another one.

        Args:
            suffix: The text after the cursor.
            language_id: LSP's language id.
            is_cut: Whether the document goes on after it.
        """
        if self.is_line and (fence := _FENCE.match(self.opening)):
            return _is_fence_closed(fence.group(1), f"\n{suffix}", is_cut=is_cut)
        end = self.end_in("\n" + suffix if self.is_line else suffix)
        if end is None:
            return False
        if not self.is_line and self.opening.endswith(self.closing):
            is_odd = suffix.count(self.closing) % 2 == 1
            return is_odd if is_cut else _is_end(suffix, end, language_id, default=is_odd)
        return self.is_line or not 0 <= suffix.find(self.opening) < end[0]


@lru_cache(maxsize=16)
def open_literal(text: str, language_id: str) -> LongLiteral | None:
    """Return the string or comment of several lines in which ``text`` ends; None if it ends in code.

    A here-document counts from the line that announces it. ``text`` must not begin inside a literal.
    """
    style = STYLES.get(language_id)
    at = 0
    while style is not None and (match := style.pattern.search(text, at)) is not None:
        at = match.end()
        rule = style.rules.get(match.lastgroup or "")
        if rule is None:
            continue  # It ends on its line.
        literal = LongLiteral(match.group(), "", rule.closing_of(match), rule.is_line, rule.has_escapes)
        if rule.is_template:
            end, begin = _template(text, at)
            if end is None:
                return None if begin is None else replace(literal, written=text[begin + 1 :])
            at = end
            continue
        content = text.find("\n", at) + 1 if rule.is_line else at
        found = literal.end_in(text, content) if content or not rule.is_line else None
        if found is None:
            return replace(literal, written=text[at:])
        at = found[1]
    return None


def literal_end(line: str, start: int, language_id: str) -> int | None:
    """Return where the string or comment ends that begins at ``start``, is of a kind that may span lines, and does not.

    None if there is none, or if it does not end on its line. There is code before it.
    """
    style = STYLES.get(language_id)
    match = style.pattern.match(line, start) if style is not None else None
    rule = style.rules.get(match.lastgroup or "") if style is not None and match is not None else None
    if match is None or rule is None or rule.is_line or rule.is_template:
        return None
    literal = LongLiteral(match.group(), "", rule.closing_of(match), has_escapes=rule.has_escapes)
    end = literal.end_in(line, match.end())
    return None if end is None else end[1]


def _is_end(suffix: str, end: tuple[int, int], language_id: str, *, default: bool) -> bool:
    """Return whether the delimiter at ``end`` is one, and not the text of another string or the next opening one.

    A whole document ends in code, and the strings on the line of the delimiter end on it. If that does not tell,
    ``default`` counts.
    """
    is_code = open_literal(suffix[end[1] :], language_id) is None
    is_code_otherwise = open_literal(suffix, language_id) is None
    if is_code != is_code_otherwise:
        return is_code
    start, line_end = suffix.rfind("\n", 0, end[0]) + 1, f"{suffix}\n".index("\n", end[1])
    traits, following = traits_of(language_id), suffix[end[1] : line_end]
    if following[:1].isalnum():
        return False  # A word follows an opening delimiter.
    flaws, flaws_otherwise = unended_strings(following, traits), unended_strings(suffix[start:line_end], traits)
    if start:
        # On a line below a literal may begin, with text in it up to its own end, and code before it and after it.
        after = following.partition(suffix[end[0] : end[1]])[2]
        begun = unended_strings(suffix[start : end[0]], traits) + unended_strings(after, traits)
        flaws_otherwise = min(flaws_otherwise, begun)
    return default if flaws == flaws_otherwise else flaws < flaws_otherwise


def _is_fence_closed(opening: str, below: str, *, is_cut: bool) -> bool:
    """Return whether the first fence below one that is open closes it; else it opens the next one.

    Only an opening fence names a language, and a whole document has as many of one kind as of the other.
    """
    names = [name.strip() for fence, name in _FENCE.findall(below) if fence.startswith(opening)]
    if not names or names[0]:
        return False
    flaws = {is_open: _fence_flaws(names, is_open=is_open, is_cut=is_cut) for is_open in (True, False)}
    return flaws[True] <= flaws[False]


def _fence_flaws(names: list[str], *, is_open: bool, is_cut: bool) -> int:
    """Return how many fences open a second time, or never end, if the first one below the cursor finds one open."""
    found = 0
    for name in names:
        found += bool(name) and is_open
        is_open = bool(name) or not is_open
    return found + (is_open and not is_cut)


def _template_end(text: str, start: int) -> int | None:
    """Return the offset after the backtick that closes the template literal around ``start``; None if none does."""
    return _template(text, start)[0]


def _template(text: str, start: int) -> tuple[int | None, int | None]:
    """Return where the template literal around ``start`` ends, or else where the one begins in which ``text`` ends.

    Both are None if the text ends in code that is interpolated into a template literal.
    """
    stack: list[int | None] = [start - 1]  # The begin of each template literal, None for each brace of code.
    for match in _TEMPLATE.finditer(text, start):
        mark, is_code = match.group(), stack[-1] is None
        if mark == "`" and is_code:
            stack.append(match.start())
        elif mark == "`" or (mark == "}" and is_code):
            stack.pop()
        elif mark == "${" or (mark == "{" and is_code):
            stack.append(None)
        if not stack:
            return match.end(), None
    return None, stack[-1]
