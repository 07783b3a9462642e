"""Git's wildcards, matched in linear time.

What a wildcard means is that of `wildmatch.c` of Git 2.39, peculiarities included. How it is matched is not: a pattern
becomes a nondeterministic automaton whose states are the bits of one number, so each byte of the text costs a few
operations on that number, and no pattern makes the matcher go back (Navarro and Raffinot, "Flexible Pattern Matching
in Strings", chapter 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

SPECIAL = frozenset(b"*?[\\")
_SLASH = ord("/")
_ALL = frozenset(range(1, 256))
_LOWER, _UPPER = frozenset(b"abcdefghijklmnopqrstuvwxyz"), frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS = frozenset(b"0123456789")
_GRAPH = frozenset(range(0x21, 0x7F))
_CLASSES = {
    b"alnum": _LOWER | _UPPER | _DIGITS,
    b"alpha": _LOWER | _UPPER,
    b"blank": frozenset(b" \t"),
    b"cntrl": frozenset((*range(1, 0x20), 0x7F)),
    b"digit": _DIGITS,
    b"graph": _GRAPH,
    b"lower": _LOWER,
    b"print": _GRAPH | {0x20},
    b"punct": _GRAPH - _LOWER - _UPPER - _DIGITS,
    b"space": frozenset(b" \t\n\v\f\r"),
    b"upper": _UPPER,
    b"xdigit": _DIGITS | frozenset(b"abcdefABCDEF"),
}


@dataclass
class Wildcard:
    """A compiled pattern; `matches` takes one step for each byte of the text.

    Attributes:
        least_bytes: The length of the shortest text that can match.
    """

    least_bytes: int = 0
    _states: int = 0  # the number of tokens, which is also the accepting state
    _moves: dict[int, int] = field(default_factory=dict)  # by byte: the states that it moves one further
    _moves_any: int = 0  # the states that every byte but a slash moves
    _stays: int = 0  # `**`: the states that every byte leaves where they are
    _stays_in_name: int = 0  # `*`: the states that every byte but a slash leaves where they are
    _optional: int = 0  # `**/`: the states from which this and the next token can be left out
    _free: int = 0  # the states from which the next one is reached without a byte

    def matches(self, text: bytes) -> bool:
        """Return whether the whole ``text`` matches."""
        if len(text) < self.least_bytes:
            return False
        moves, moves_any = self._moves, self._moves_any
        stays, stays_in_name = self._stays, self._stays | self._stays_in_name
        state = self._reached(1)
        for byte in text:
            move = moves.get(byte, 0)
            if byte == _SLASH:
                state = self._reached(((state & move) << 1) | (state & stays))
            else:
                state = self._reached(((state & (move | moves_any)) << 1) | (state & stays_in_name))
            if not state:
                return False
        return bool(state >> self._states & 1)

    def _reached(self, state: int) -> int:
        state |= (state & self._optional) << 2
        return state | (state & self._free) << 1

    def add(self, accepted: frozenset[int]) -> None:
        """Add a token that takes one of the ``accepted`` bytes."""
        bit = 1 << self._states
        for byte in accepted:
            self._moves[byte] = self._moves.get(byte, 0) | bit
        self._states += 1
        self.least_bytes += 1

    def add_any(self) -> None:
        """Add a token that takes any byte but a slash."""
        self._moves_any |= 1 << self._states
        self._states += 1
        self.least_bytes += 1

    def add_star(self, *, takes_slashes: bool) -> None:
        """Add a token that takes any number of bytes."""
        bit = 1 << self._states
        if takes_slashes:
            self._stays |= bit
        else:
            self._stays_in_name |= bit
        self._free |= bit
        self._states += 1

    def add_folders(self) -> None:
        """Add a token that takes nothing, or any bytes up to a slash."""
        first, second = 1 << self._states, 2 << self._states
        self._optional |= first
        self._free |= first
        self._stays |= second
        self._moves[_SLASH] = self._moves.get(_SLASH, 0) | second
        self._states += 2


def compiled(pattern: bytes, *, is_path: bool, ignores_case: bool = False) -> Wildcard | None:
    """Return the automaton of a pattern; None if it matches nothing, such as one with an unclosed class.

    Args:
        pattern: The pattern, without NUL.
        is_path: Whether only `**` matches a slash (``WM_PATHNAME``).
        ignores_case: Whether ASCII letters match in both cases (``WM_CASEFOLD``).
    """
    wildcard = Wildcard()
    at, was_folders = 0, False
    while at < len(pattern):
        byte = pattern[at]
        if byte == ord("*"):
            at, is_folders = _add_stars(wildcard, pattern, at, is_path=is_path, is_repeated=was_folders)
            was_folders = is_folders
            continue
        was_folders = False
        if byte == ord("?"):
            wildcard.add_any()
            at += 1
        elif byte == ord("["):
            accepted, at = _class(pattern, at, ignores_case=ignores_case)
            if accepted is None:
                return None
            wildcard.add(accepted - {_SLASH})  # A name has no slash, and in a path no class matches one.
        else:
            at += byte == ord("\\")
            if at == len(pattern):  # nothing follows the backslash
                return None
            _add_literal(wildcard, pattern[at], is_escaped=byte == ord("\\"), ignores_case=ignores_case)
            at += 1
    return wildcard


def _add_stars(wildcard: Wildcard, pattern: bytes, at: int, *, is_path: bool, is_repeated: bool) -> tuple[int, bool]:
    """Add the token of a run of asterisks; return where it ends, and whether it was `**/`."""
    end = at
    while pattern[end : end + 1] == b"*":
        end += 1
    # Git looks at the character before the second last position that it has read, and no further than the beginning.
    is_alone = at == 0 or pattern[at - 1] == _SLASH
    rest = pattern[end : end + 2]
    is_double = end - at > 1 and is_alone and (not rest or rest[:1] == b"/" or rest == b"\\/")
    if is_path and is_double and rest[:1] == b"/":
        if not is_repeated:  # `**/**/` is `**/`
            wildcard.add_folders()
        return end + 1, True
    wildcard.add_star(takes_slashes=not is_path or is_double)
    return end, False


def _add_literal(wildcard: Wildcard, byte: int, *, is_escaped: bool, ignores_case: bool) -> None:
    if not ignores_case or byte not in _LOWER | _UPPER:
        wildcard.add(frozenset((byte,)))
    elif is_escaped:  # Git compares it with the lower case of the text
        wildcard.add(frozenset((byte, byte - 32)) if byte in _LOWER else frozenset())
    else:
        wildcard.add(frozenset((byte | 0x20, byte & ~0x20)))


def _class(pattern: bytes, at: int, *, ignores_case: bool) -> tuple[frozenset[int] | None, int]:
    """Return the bytes that the class at ``at`` accepts, None if it is malformed; and the offset after it."""
    at += 1
    is_negated = pattern[at : at + 1] in {b"!", b"^"}
    at += is_negated
    parts: list[_Accepts] = []
    end = at
    for part, following in _parts(pattern, at):
        if part is None:
            return None, following
        parts.append(part)
        end = following
    accepted = frozenset(byte for byte in _ALL if _is_in(parts, byte, ignores_case=ignores_case) != is_negated)
    return accepted, end + 1


# Returns whether a byte, of which only the lower case is known if case is ignored, belongs to a part of a class.
_Accepts = Callable[[int, bool], bool]


def _is_in(parts: list[_Accepts], byte: int, *, ignores_case: bool) -> bool:
    folded = byte + 32 if ignores_case and byte in _UPPER else byte
    return any(part(folded, ignores_case) for part in parts)


def _parts(pattern: bytes, at: int) -> Iterator[tuple[_Accepts | None, int]]:
    """Yield the parts of a class, and the offset after each; None if the class is malformed."""
    former = 0
    is_first = True
    while is_first or pattern[at : at + 1] != b"]":
        is_first = False
        part: _Accepts | None
        if at >= len(pattern):
            yield None, at
            return
        byte, following = pattern[at], pattern[at + 1 : at + 2]
        if byte == ord("\\"):
            former = following[0] if following else 0
            part, at = (_one(former) if following else None), at + 2
        elif byte == ord("-") and former and following not in {b"", b"]"}:
            part, at = _range(pattern, at, former)
            former = 0
        elif byte == ord("[") and following == b":":
            part, at, former = _named(pattern, at)
        else:
            part, at, former = _one(byte), at + 1, byte
        yield part, at
        if part is None:
            return


def _one(byte: int) -> _Accepts:
    return lambda tried, _ignores_case: tried == byte


def _range(pattern: bytes, at: int, low: int) -> tuple[_Accepts | None, int]:
    at += 1
    if pattern[at : at + 1] == b"\\":
        at += 1
        if at >= len(pattern):
            return None, at
    high = pattern[at]

    def accepts(tried: int, ignores_case: bool) -> bool:
        is_upper_in = ignores_case and tried in _LOWER and low <= tried - 32 <= high
        return low <= tried <= high or is_upper_in

    return accepts, at + 1


def _named(pattern: bytes, at: int) -> tuple[_Accepts | None, int, int]:
    """Return the part for a named class such as ``[:alpha:]``, the offset after it, and what may begin a range."""
    end = pattern.find(b"]", at + 2)
    if end < 0:
        return None, len(pattern), 0
    name = pattern[at + 2 : end - 1]
    if end - 1 < at + 2 or pattern[end - 1] != ord(":"):  # not closed by `:]`: these are ordinary characters
        return _one(ord("[")), at + 1, ord("[")
    accepted = _CLASSES.get(name)
    if accepted is None:
        return None, end, 0
    is_upper = name == b"upper"
    return (
        (lambda tried, ignores_case: tried in accepted or (is_upper and ignores_case and tried in _LOWER)),
        end + 1,
        0,
    )
