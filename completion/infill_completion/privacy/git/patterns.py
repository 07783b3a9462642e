"""The patterns of one ignore file, in Git's syntax (gitignore(5)), and which of them decides on a path."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from infill_completion.privacy.git.wildmatch import SPECIAL, Wildcard, compiled

# Bytes that the wildcards of one file may look at for one path. Ordinary files need a few thousand; a file made to keep
# the event loop busy gets no further.
MAX_STEPS = 200_000
MAX_PATTERNS = 20_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class TooManyPatternsError(Exception):
    """There is more to match than a verdict may take."""


@dataclass(frozen=True)
class Pattern:
    """One pattern.

    Attributes:
        written: The pattern as written in the file.
        body: It without ``!``, without the slash at its end, and without ``**/`` before a bare name.
        is_negative: Whether it includes what an earlier pattern ignored.
        only_folders: Whether it matches folders only.
        ignores_case: Whether ASCII letters match in both cases.
    """

    written: bytes
    body: bytes
    is_negative: bool
    only_folders: bool
    ignores_case: bool

    @classmethod
    def of(cls, written: bytes, *, ignores_case: bool = False) -> Pattern:
        """Read a pattern."""
        is_negative = written.startswith(b"!")
        body = written[1:] if is_negative else written
        only_folders = body.endswith(b"/")
        body = body[:-1] if only_folders else body
        if body.startswith(b"**/") and b"/" not in body[3:]:  # The same as the bare name, which is faster to match.
            body = body[3:]
        return cls(written, body, is_negative, only_folders, ignores_case)

    @cached_property
    def has_folder(self) -> bool:
        """Whether it matches a path from the folder of its file on, and not a name in any folder."""
        return b"/" in self.body

    @cached_property
    def literal(self) -> bytes:
        """The literal beginning of the name or of the path, in lower case if case is ignored."""
        body = self.body.removeprefix(b"/") if self.has_folder else self.body
        end = next((at for at, byte in enumerate(body) if byte in SPECIAL), len(body))
        return self._folded(body[:end])

    @cached_property
    def is_literal(self) -> bool:
        """Whether it has no wildcard."""
        return not SPECIAL.intersection(self.body)

    @cached_property
    def ending(self) -> bytes | None:
        """What a name must end with, for a pattern such as ``*.log``; None for any other."""
        is_ending = self.body[:1] == b"*" and not self.has_folder and not SPECIAL.intersection(self.body[1:])
        return self._folded(self.body[1:]) if is_ending else None

    @cached_property
    def tail(self) -> bytes | None:
        """The literal path that may be in any folder, for a pattern such as ``**/a/b.json``; None for any other."""
        is_tail = self.body.startswith(b"**/") and not SPECIAL.intersection(self.body[3:])
        return self._folded(self.body[3:]) if is_tail else None

    @cached_property
    def last_literal(self) -> bytes:
        """What a match ends with, as far as it is easily known; empty otherwise."""
        if b"[" in self.body or b"\\" in self.body:
            return b""
        last = self.body[max(self.body.rfind(b"*"), self.body.rfind(b"?")) + 1 :]
        return self._folded(last.removeprefix(b"/"))  # `***/b` matches `b` too

    @cached_property
    def wildcard(self) -> Wildcard | None:
        """What follows the literal beginning of a path, or the whole pattern of a name; None if it matches nothing."""
        if not self.has_folder:
            return compiled(self.body, is_path=False, ignores_case=self.ignores_case)
        rest = self.body.removeprefix(b"/")[len(self.literal) :]
        return compiled(rest, is_path=True, ignores_case=self.ignores_case)

    def _folded(self, text: bytes) -> bytes:
        return text.lower() if self.ignores_case else text


class Patterns:
    """The patterns of one file, in order.

    Raises:
        TooManyPatternsError: There are more than `MAX_PATTERNS`.
    """

    def __init__(self, lines: Iterable[bytes], *, ignores_case: bool = False) -> None:
        kept = [Pattern.of(line, ignores_case=ignores_case) for line in lines]
        if len(kept) > MAX_PATTERNS:
            raise TooManyPatternsError
        self._latest_first = tuple(reversed(kept))
        self._ignores_case = ignores_case

    @classmethod
    def of_file(cls, content: bytes, *, ignores_case: bool = False) -> Patterns:
        """Read an ignore file; comments and empty lines are left out."""
        return cls(lines_of(content), ignores_case=ignores_case)

    def match(self, path: bytes, *, is_folder: bool) -> Pattern | None:
        """Return the last pattern that matches ``path`` itself, whatever is said about the folders above it.

        Args:
            path: The path below the folder of the file, with slashes.
            is_folder: Whether it is a folder.

        Raises:
            TooManyPatternsError: The wildcards take more than `MAX_STEPS`.
        """
        folded = path.lower() if self._ignores_case else path  # only of ASCII letters, as in Git
        name_at = path.rfind(b"/") + 1
        name, folded_name = path[name_at:], folded[name_at:]
        left = MAX_STEPS
        for pattern in self._latest_first:
            if pattern.only_folders and not is_folder:
                continue
            if pattern.is_literal:
                if (folded if pattern.has_folder else folded_name) == pattern.literal:
                    return pattern
            elif pattern.ending is not None:
                if folded_name.endswith(pattern.ending):
                    return pattern
            elif pattern.tail is not None:
                if folded == pattern.tail or folded.endswith(b"/" + pattern.tail):
                    return pattern
            elif not folded.endswith(pattern.last_literal):
                continue
            elif (folded if pattern.has_folder else folded_name).startswith(pattern.literal):
                text = path[len(pattern.literal) :] if pattern.has_folder else name
                left -= len(text) + 1
                if left < 0:
                    raise TooManyPatternsError
                if pattern.wildcard is not None and pattern.wildcard.matches(text):
                    return pattern
        return None

    def without(self, pattern: Pattern) -> Patterns:
        """Return these patterns without one of them."""
        other = Patterns(())
        other._ignores_case = self._ignores_case
        other._latest_first = tuple(kept for kept in self._latest_first if kept is not pattern)
        return other


def lines_of(content: bytes) -> list[bytes]:
    """Return the patterns of an ignore file as Git reads them: without comments, line ends, and blanks at the end."""
    content = content.removeprefix(_BYTE_ORDER_MARK)
    found = []
    for line in content.split(b"\n"):
        if not line or line.startswith(b"#"):
            continue
        # Git's strings end at a NUL.
        kept = without_blanks(line.removesuffix(b"\r").partition(b"\0")[0])
        if kept not in {b"", b"!"}:
            found.append(kept)
    return found


def without_blanks(line: bytes) -> bytes:
    """Return a pattern without the blanks at its end, unless a backslash quotes them."""
    stripped = line.rstrip(b" ")
    backslashes = len(stripped) - len(stripped.rstrip(b"\\"))
    if len(stripped) < len(line) and backslashes % 2:
        return line[: len(stripped) + 1]
    return stripped
