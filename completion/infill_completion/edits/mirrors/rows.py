"""Rows of like items, each around a name, as in ``self.a = a`` and ``self.b = b``, or ``f(a=o.a, b=o.b)``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infill_completion.document.lines import line_end, line_start
from infill_completion.edits.mirrors.spellings import HOLE, TokenForm, filled, forms
from infill_completion.edits.tokens import CLOSERS, OPENERS, Lexeme, LexemeKind

MAX_PERIOD = 120
SEPARATORS = frozenset({",", ";", "|", "||", "&&", "and", "or", "+", "elif", "else"})
_GAPS = frozenset({"", *SEPARATORS})
# A line may go on after a backslash.
_BLANKS = " \t\r\n\\"
_BEFORE_COMMENTS = " \t,;|&)]}"
_COMMENTS = ("#", "//", "/*")
# What may stand beside a row without being part of an item.
_BEFORE_ITEMS = frozenset({"return", "=", ":=", "case", "if", "while"})
_AFTER_ITEMS = frozenset({";", ":", "{", "else", "?", "=", ":=", "in"})
_STARTERS = frozenset({".", "case"})
# What goes on with the line before it, or is gone on with on the next.
_GO_ON = frozenset(
    ". ?. -> + - / % == === != !== < <= > >= << >> && || | ^ ?? and or not is as instanceof".split()  # noqa: SIM905
)
_MAY_GO_ON = frozenset({"*", "&"})  # if what is in the row is an operand; else they may begin a statement of C


_PLACEHOLDER = re.compile(r"%[-+#.\w*(]|\{[\w:!?]*\}")


@dataclass(frozen=True)
class ItemRow:
    """A row of like items.

    Attributes:
        names: The names of its items, in their order.
        starts: The index of each item's first token.
        length: How many tokens an item has.
        pattern: Each token of an item: its text, or how it is spelled around the name.
        tokens: The tokens of the document, without comments.
        text: The document.
    """

    names: tuple[str, ...]
    starts: tuple[int, ...]
    length: int
    pattern: tuple[str | frozenset[TokenForm], ...]
    tokens: Sequence[Lexeme]
    text: str

    def span(self, index: int) -> tuple[int, int]:
        """Return the offsets of an item."""
        first = self.starts[index]
        return self.tokens[first].start, self.tokens[first + self.length - 1].end

    def gap(self, index: int) -> str | None:
        """Return what is between an item and the next one; of the last one, what is before it.

        None if there is more than blanks and a separator, or a comment follows the item on its line.
        """
        between = min(index, len(self.names) - 2)
        gap = self.text[self.span(between)[1] : self.span(between + 1)[0]]
        end = self.span(index)[1]
        rest = self.text[end : line_end(self.text, end)].lstrip(_BEFORE_COMMENTS)
        is_alone = gap.strip() in _GAPS and not ("\n" in gap and rest.startswith(_COMMENTS))
        return gap if is_alone else None

    @property
    def is_apart(self) -> tuple[bool, bool]:
        """Whether nothing before the first item belongs to it, and nothing after the last one to that."""
        first, end = self.starts[0], self.starts[-1] + self.length
        separator = self.tokens[self.starts[1] - 1].text if self.starts[0] + self.length < self.starts[1] else ""
        before, after = self.tokens[first - 1 : first], self.tokens[end : end + 1]
        begins = not before or before[0].text in {separator, *OPENERS, *_BEFORE_ITEMS}
        starter = {self.tokens[first].text} & _STARTERS
        ends = not after or after[0].text in {separator, *starter, *CLOSERS, *_AFTER_ITEMS}
        operators = _GO_ON if separator in {"", ";"} else _GO_ON | _MAY_GO_ON
        return (
            begins or (_begins_line(self.text, self.tokens, first) and before[0].text not in operators),
            ends or (_begins_line(self.text, self.tokens, end) and after[0].text not in operators),
        )

    @property
    def is_formatted(self) -> bool:
        """Whether a format string comes before the items, in the same brackets or before these."""
        depth, first = 0, self.starts[0]
        for index in range(first - 1, max(first - MAX_PERIOD, 0) - 1, -1):
            token = self.tokens[index]
            if token.text in OPENERS and not depth:
                return token.text == "(" and any(map(_is_format, self.tokens[max(index - 3, 0) : index]))
            depth += (token.text in CLOSERS) - (token.text in OPENERS)
            if not depth and _is_format(token):
                return True
        return False

    def item(self, like: int, name: str) -> str | None:
        """Return an item around another name, with the blanks of one of the items.

        None if the spelling of the name is not known, or there is a comment in the item.
        """
        pieces, first = [], self.starts[like]
        for offset, part in enumerate(self.pattern):
            token = self.tokens[first + offset]
            if offset:
                blanks = self.text[self.tokens[first + offset - 1].end : token.start]
                if blanks.strip(_BLANKS):
                    return None
                pieces.append(blanks)
            new = part if isinstance(part, str) else filled(part, name)
            if new is None:
                return None
            pieces.append(new)
        return "".join(pieces)

    def first_item(self) -> Iterator[tuple[str | frozenset[TokenForm], Lexeme]]:
        """Yield the parts of the pattern with the tokens of the first item."""
        first = self.starts[0]
        return zip(self.pattern, self.tokens[first : first + self.length], strict=True)

    def new_names(self, like: int, name: str) -> Iterator[tuple[int, int, str]]:
        """Yield the offsets of the names that change in an item around another name, each with the new one."""
        for offset, part in enumerate(self.pattern):
            token = self.tokens[self.starts[like] + offset]
            if not isinstance(part, str) and token.kind is LexemeKind.NAME:
                yield token.start, token.end, filled(part, name) or ""

    @property
    def shape(self) -> tuple[str, ...]:
        """The tokens of an item with holes for the name."""
        return tuple(part if isinstance(part, str) else min(template for _, template in part) for part in self.pattern)

    def __str__(self) -> str:
        """Return the pattern to read."""
        parts = [part if isinstance(part, str) else min(part)[1].replace(HOLE, "□") for part in self.pattern]
        return " ".join(parts)


def row_of(text: str, tokens: Sequence[Lexeme], pair: tuple[int, int], names: Sequence[str], at: int) -> ItemRow | None:
    """Return the row of like items that two tokens with neighbouring names are in; None if they are in none.

    Args:
        text: The document.
        tokens: Its tokens, without comments.
        pair: The tokens with ``names[at]`` and ``names[at + 1]``, at most ``MAX_PERIOD`` apart.
        names: The names in their order.
        at: The name of the first of the two.
    """
    period = pair[1] - pair[0]
    low, high = _stretch(tokens, pair, (names[at], names[at + 1]))
    best = max(_windows(text, tokens, pair, (low, high)), default=None)
    if best is None:
        return None
    _, first, length = best
    starts, first_name = [first, first + period], at
    between = [token.text for token in tokens[first + length : first + period]]
    pattern = _pattern(tokens, (first, first + period), (names[at], names[at + 1]), length)
    while first_name > 0 and starts[0] >= period:
        wider = _narrowed(pattern, tokens, starts[0] - period, names[first_name - 1])
        if wider is None or [token.text for token in tokens[starts[0] - len(between) : starts[0]]] != between:
            break
        pattern, first_name = wider, first_name - 1
        starts.insert(0, starts[0] - period)
    last_name = at + 1
    while last_name + 1 < len(names):
        wider = _narrowed(pattern, tokens, starts[-1] + period, names[last_name + 1])
        end = starts[-1] + length
        if wider is None or [token.text for token in tokens[end : end + len(between)]] != between:
            break
        pattern, last_name = wider, last_name + 1
        starts.append(starts[-1] + period)
    return ItemRow(tuple(names[first_name : last_name + 1]), tuple(starts), length, pattern, tokens, text)


def _stretch(tokens: Sequence[Lexeme], pair: tuple[int, int], names: tuple[str, str]) -> tuple[int, int]:
    """Return how far around two tokens the others are alike: the first and the last one, counted from the pair."""
    one, other = pair
    period = other - one
    low = high = 0
    while one + low > 0 and -low < period and _alike(tokens[one + low - 1], tokens[other + low - 1], names):
        low -= 1
    while (
        high < period
        and other + high + 1 < len(tokens)
        and _alike(tokens[one + high + 1], tokens[other + high + 1], names)
    ):
        high += 1
    return low, high


def _alike(one: Lexeme, other: Lexeme, names: tuple[str, str]) -> bool:
    return one.text == other.text or (
        one.kind is other.kind and not forms(one.text, names[0]).isdisjoint(forms(other.text, names[1]))
    )


def _windows(
    text: str, tokens: Sequence[Lexeme], pair: tuple[int, int], stretch: tuple[int, int]
) -> Iterator[tuple[tuple[int, int, int], int, int]]:
    """Yield where items may begin, with their length; the best one is the largest."""
    one, period = pair[0], pair[1] - pair[0]
    low, high = one + stretch[0], one + stretch[1]
    for first in range(low, one + 1):
        has_separator = tokens[first + period - 1].text in SEPARATORS and first + period - 2 >= one
        length = period - has_separator
        last = first + length - 1
        if last > high or not _is_balanced(tokens[first : last + 1]):
            continue
        if all(_begins_line(text, tokens, index) for index in (first, first + period)):
            yield (3, -_indent(text, tokens[first]), first), first, length
        elif has_separator:
            is_line = _begins_line(text, tokens, first + period - 1)
            yield (3, -_indent(text, tokens[first + period - 1]), first) if is_line else (2, 0, first), first, length
        elif tokens[first].text in _STARTERS:
            yield (1, 0, first), first, length


def _is_format(token: Lexeme) -> bool:
    return token.kind is LexemeKind.STRING and _PLACEHOLDER.search(token.text) is not None


def _indent(text: str, token: Lexeme) -> int:
    return token.start - line_start(text, token.start)


def _begins_line(text: str, tokens: Sequence[Lexeme], index: int) -> bool:
    start = tokens[index].start
    return not text[line_start(text, start) : start].strip()


def _is_balanced(tokens: Sequence[Lexeme]) -> bool:
    opened: list[str] = []
    for token in tokens:
        if token.text in OPENERS:
            opened.append(OPENERS[token.text])
        elif token.text in CLOSERS and (not opened or opened.pop() != token.text):
            return False
    return not opened


def _pattern(
    tokens: Sequence[Lexeme], starts: tuple[int, int], names: tuple[str, str], length: int
) -> tuple[str | frozenset[TokenForm], ...]:
    one, other = starts
    found: list[str | frozenset[TokenForm]] = []
    for offset in range(length):
        text = tokens[one + offset].text
        same = text == tokens[other + offset].text
        found.append(text if same else forms(text, names[0]) & forms(tokens[other + offset].text, names[1]))
    return tuple(found)


def _narrowed(
    pattern: tuple[str | frozenset[TokenForm], ...], tokens: Sequence[Lexeme], first: int, name: str
) -> tuple[str | frozenset[TokenForm], ...] | None:
    """Return the pattern that one more item has as well; None if the item is not like it."""
    if first + len(pattern) > len(tokens):
        return None
    found: list[str | frozenset[TokenForm]] = []
    for offset, part in enumerate(pattern):
        text = tokens[first + offset].text
        if isinstance(part, str):
            if text != part:
                return None
            found.append(part)
        else:
            both = part & forms(text, name)
            if not both:
                return None
            found.append(both)
    return tuple(found)
