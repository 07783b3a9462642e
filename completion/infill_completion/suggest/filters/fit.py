"""How well a suggestion fits the brackets and quotes around the cursor."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from infill_completion.document.lines import indent_width
from infill_completion.document.window import Window
from infill_completion.languages.brackets import PAIRS, comment_start, unended_strings, unopened, without_comments
from infill_completion.languages.nesting import Nesting, Opened, nesting
from infill_completion.languages.traits import LanguageTraits
from infill_completion.suggest.filters.comments import is_in_comment
from infill_completion.suggest.filters.context import FilterContext
from infill_completion.suggest.filters.prose import quoted_before

_SEPARATORS = frozenset({";", ",", ":"})
_WORD = re.compile(r"\w")
# How many open brackets are looked for below.
_MAX_OPENED = 16
# A label inside a block, which is often indented like the line that opens it.
_LABEL = re.compile(r"(?:case\b|default\b|(?:public|private|protected)\b.*:$)")
_CODE = re.compile(r"[()\[\]{};,:]")
# How a loop in three parts begins, and its head up to the bracket that ends it.
_LOOP, _LOOP_OF_GO = re.compile(r"\bfor\s*\(+"), re.compile(r"\bfor\b")
_LOOP_HEAD = re.compile(r"(?:[^(){}]|\([^()]*\))*")
_FENCES = ('"""', "'''", "```")
_FINAL_OPENERS = re.compile(r"[(\[{\s]*$")


class Fit(NamedTuple):
    """What is wrong with the document once a suggestion is accepted; the smaller, the better.

    Attributes:
        flaws: Brackets that nothing opens or closes, strings that do not end, and whether the rest of the line becomes
            part of a comment.
        crooked: Lines that begin with a bracket that closes one from a line with another indentation.
        shift: In a window that does not reach the document's end, how many brackets more or fewer are open at its end.
        is_doubled: Whether the suggestion ends with what the rest of the line begins with.
    """

    flaws: int
    crooked: int
    shift: int
    is_doubled: bool


class _Scene(NamedTuple):
    """The code around the cursor whose brackets count; in comments and the like only the cursor's line."""

    opened: tuple[Opened, ...]
    before: str
    below: str
    traits: LanguageTraits
    is_complete: bool = False
    is_cut_above: bool = False

    def nesting_with(self, text: str, rest: str) -> Nesting:
        """Return how the brackets fit if ``text`` and ``rest`` are right of the cursor."""
        return nesting(f"{self.before}{text}{rest}{self.below}", self.traits, self.opened)

    def excess(self, found: Nesting, line: str) -> int:
        """Return how many brackets are unopened or skipped; below ``line`` they may be opened above the window."""
        known = len(self.before + line) if self.is_cut_above else None
        return found.skipped + sum(known is None or offset < known for offset in found.unopened)

    def closed_twice(self, rest: str, count: int) -> int:
        """Return how many of ``count`` more closing brackets close what is closed already.

        A bracket is closed if that happens before a line that is indented no deeper. Blocks further out than ``count``
        do not matter, for not every style indents what is in them.
        """
        opened = nesting(self.before, self.traits, self.opened).opened
        inner = [
            index
            for index in range(len(opened))[-_MAX_OPENED:]
            if opened[index].bracket != "{" or index >= len(opened) - count
        ]
        return max(0, count - sum(not self._is_closed(index, opened[index], rest) for index in inner))

    def _is_closed(self, index: int, bracket: Opened, rest: str) -> bool:
        inside = self._inside(bracket)
        is_block = bracket.bracket == "{" and bracket in self.opened[index : index + 1]
        if is_block and inside == self.below and inside.strip():
            return True  # The window ends inside the block, which is presumably closed further down.
        closers = nesting(self.before + rest + inside, self.traits, self.opened).closers
        return any(offset >= len(self.before) and left <= index for offset, left in closers)

    def _inside(self, bracket: Opened) -> str:
        """Return the lines below that are deeper than ``bracket``, and the next one if it begins with a closer."""
        lines = self.below.split("\n")
        for number, line in enumerate(lines):
            if line.strip() and indent_width(line) <= bracket.indent and not _LABEL.match(line.strip()):
                return "\n".join(lines[: number + (line.lstrip()[0] in PAIRS)])
        return self.below


def fit_of(text: str, replaced: int, context: FilterContext) -> Fit:
    """Return how ``text`` fits if it takes the place of ``replaced`` characters right of the cursor."""
    window, rest = context.window, context.window.rest[replaced:]
    scene = _scene(context, text + rest)
    found, now = scene.nesting_with(text, rest), scene.nesting_with("", window.rest)
    flaws, shift = scene.excess(found, text + rest) + _swallows(text, rest, context), 0
    if scene.is_complete:
        # A block that begins at the end of the line is not unfinished, but new.
        new = _last_openers(rest) if rest.strip() else _last_openers(text)
        known = now.opened if rest.strip() else found.opened
        flaws += len(found.opened) - (len(new) if _brackets(known)[-len(new) :] == new else 0)
    else:
        change = len(found.opened) - len(now.opened)
        # A line that closes all it opens has left nothing open, whatever the rest of it closed before.
        left_open = nesting(scene.before + text + rest, scene.traits).opened
        shift = min(change, len(left_open)) if change > 0 else scene.closed_twice(window.rest, -change)
    flaws += _unended(text, rest, context, scene.traits)
    is_doubled = _is_doubled(text, rest, is_replacing=replaced > 0) and not _is_loop_head(text, rest, context)
    return Fit(flaws, found.crooked, shift, is_doubled)


def _unended(text: str, rest: str, context: FilterContext, traits: LanguageTraits) -> int:
    """Return how many strings of the line do not end, unless the rest of the line begins one that ends below."""
    before, window = quoted_before(context), context.window
    written = before + text
    line = written + rest
    if any(fence in line for fence in _FENCES):
        return 0
    in_comment = 0
    if context.traits.line_comment == "//" and comment_start(window.before, context.traits) is None:
        if _opens_comment(before) or (is_in_comment(context) and "*/" not in before):
            # Quotes in a comment are prose, and count whether or not the suggestion ends it.
            start, end = before.rfind("/*"), f"{line}*/".find("*/", len(before))
            in_comment = unended_strings(line[start + 2 if start >= 0 else 0 : end], _prose(context.traits))
            line, traits = f"{line[: max(start, 0)]} {line[end + 2 :]}", context.traits
        if _opens_comment(line):
            return in_comment + unended_strings(line, _prose(context.traits))
        line = without_comments(line, context.traits)
    count = in_comment + unended_strings(line, traits) + ("*/" in line and traits.line_comment == "//")
    counts = [each.count("`") % 2 for each in (before, window.rest, window.below)] if count else []
    return min(count, in_comment + unended_strings(f"{line}`", traits)) if counts == [0, 1, 1] else count


def _opens_comment(line: str) -> bool:
    return line.rfind("/*") > line.rfind("*/")


def closers_of(text: str, context: FilterContext) -> tuple[int, ...]:
    """Return the offsets in ``text`` of the brackets after which fewer are open than at the cursor."""
    if PAIRS.keys().isdisjoint(text):
        return ()
    scene = _scene(context, text + context.window.rest)
    depth, start = len(nesting(scene.before, scene.traits, scene.opened).opened), len(scene.before)
    found = nesting(scene.before + text, scene.traits, scene.opened)
    return tuple(offset - start for offset, left in found.closers if offset >= start and left < depth)


def _scene(context: FilterContext, right: str) -> _Scene:
    """Return the scene of the cursor; what is ``right`` of it may end a string, which then contains no comment."""
    window, traits = context.window, context.traits
    start = comment_start(window.before, traits)
    if start is not None and comment_start(window.before + right.partition("\n")[0], traits) == start:
        return _Scene((), window.before[start + len(traits.line_comment) :], "", _prose(traits))
    if is_in_comment(context):
        return _Scene((), window.before, "", _prose(traits))
    opened = nesting(_code_above(window), traits).opened
    if not traits.is_balanced:
        return _Scene(opened, window.before, "", traits)
    return _Scene(opened, window.before, f"\n{window.below}", traits, window.ends_document, not window.starts_document)


def _code_above(window: Window) -> str:
    """Return the lines above the cursor's, without the end of a string in which the window begins."""
    above = window.above
    for fence in _FENCES[:2] if not window.starts_document else ():
        if above.count(fence) % 2:
            above = above.partition(fence)[2]
    return above


@lru_cache(maxsize=128)
def _prose(traits: LanguageTraits) -> LanguageTraits:
    return replace(traits, line_comment="", quotes="", interpolation=None)


def _is_doubled(text: str, rest: str, *, is_replacing: bool) -> bool:
    if text.endswith(":") and rest.startswith(":") and rest.strip() != ":":
        return False  # the halves of `::`
    text, rest = text.rstrip(), rest.strip()
    if is_replacing and _WORD.search(rest) and text.endswith(rest):
        return True
    return text[-1:] == rest[:1] and rest[:1] in _SEPARATORS


def _is_loop_head(text: str, rest: str, context: FilterContext) -> bool:
    """Return whether the cursor is in the head of a loop in three parts, whose semicolons may be side by side."""
    before = context.window.before
    starts = list((_LOOP_OF_GO if context.language_id == "go" else _LOOP).finditer(before))
    if not starts or not text.rstrip().endswith(";"):
        return False
    head = _LOOP_HEAD.match(before + text + rest, starts[-1].end())
    return head is not None and head.end() >= len(before + text) and head.group().count(";") == 2


def _last_openers(text: str) -> tuple[str, ...]:
    match = _FINAL_OPENERS.search(text)
    return tuple("".join(match.group().split())) if match else ()


def _brackets(opened: tuple[Opened, ...]) -> tuple[str, ...]:
    return tuple(each.bracket for each in opened)


def _swallows(text: str, rest: str, context: FilterContext) -> bool:
    """Return whether the rest of the line becomes part of a comment that ``text`` begins."""
    window, traits = context.window, context.traits
    is_code = _CODE.search(rest) and not _WORD.search(rest) and not is_in_comment(context)
    if not is_code or comment_start(window.before, traits) is not None:
        return False
    line = (window.before + text).rpartition("\n")[2]
    start = comment_start(line, traits)
    # What is left open inside the comment is what the rest of the line closes.
    return start is not None and len(unopened(line[start + 1 :] + rest, _prose(traits))) == len(unopened(rest, traits))
