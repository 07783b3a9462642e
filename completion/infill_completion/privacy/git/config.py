"""The two settings of Git that ignore rules depend on, read from its configuration files without running Git.

Read leniently: what Git would refuse to read, or would read on some condition only, counts as well, since a setting
that is missed would reveal files, and one too many only keeps them private.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infill_completion.folders import home_directory
from infill_completion.privacy.git.files import read_rules
from infill_completion.privacy.git.repository import Repository

_MAX_INCLUDES = 100
_MAX_DEPTH = 10
_SECTION = re.compile(rb'[ \t]*\[[ \t]*([A-Za-z0-9.-]+)(?:[ \t]+"((?:[^"\\\n]|\\.)*)")?[ \t]*\]')
_VARIABLE = re.compile(rb"[ \t]*([A-Za-z][A-Za-z0-9-]*)[ \t]*(?:=[ \t]*([^\r\n]*))?")
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"b": b"\b"}
_SYSTEM_FILES = ("/etc/gitconfig", "/usr/local/etc/gitconfig", "/opt/homebrew/etc/gitconfig")


@dataclass(frozen=True)
class GitConfig:
    """What Git's configuration says about ignore rules.

    Attributes:
        excludes: The files that ``core.excludesFile`` names, or its default; all count.
        files: The files of the configuration, whether they exist or not.
        ignores_case: Whether patterns ignore case (``core.ignoreCase``).
    """

    excludes: tuple[Path, ...]
    files: tuple[Path, ...]
    ignores_case: bool = False


def read_git_config(repository: Repository) -> GitConfig:
    """Return the configuration of a repository.

    Raises:
        UnreadableRulesError: A configuration file exists and cannot be read.
    """
    reader = _Reader(repository.top)
    for file in (*_user_files(), repository.common / "config", repository.own / "config.worktree"):
        reader.read(file, 0, is_certain=True)
    return GitConfig(tuple(dict.fromkeys(reader.excludes())), tuple(reader.files), ignores_case=reader.ignores_case)


def _user_files() -> Iterator[Path]:
    if not _is_true(os.environ.get("GIT_CONFIG_NOSYSTEM", "").encode()):
        named = os.environ.get("GIT_CONFIG_SYSTEM")
        yield from map(Path, [named] if named else _SYSTEM_FILES)
        if os.name == "nt" and "PROGRAMFILES" in os.environ:
            yield Path(os.environ["PROGRAMFILES"], "Git", "etc", "gitconfig")
    named = os.environ.get("GIT_CONFIG_GLOBAL")
    if named is not None:
        yield from [Path(named)] if named else []
        return
    yield _config_folder() / "config"
    yield home_directory() / ".gitconfig"


def _config_folder() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or home_directory() / ".config") / "git"


class _Reader:
    """Collects the settings of one file after the other; the last value counts, and each one on a condition."""

    def __init__(self, top: Path) -> None:
        self.ignores_case = False
        self.files: list[Path] = []
        self._top = top
        self._last: Path | None = _config_folder() / "ignore"
        self._conditional: list[Path] = []
        self._includes = 0

    def excludes(self) -> Iterator[Path]:
        """Yield the files that name ignored files."""
        if self._last is not None:
            yield self._last
        yield from self._conditional

    def read(self, file: Path, depth: int, *, is_certain: bool) -> None:
        """Read one file and those that it includes."""
        self.files.append(file)
        content = read_rules(file)
        if content is None or depth > _MAX_DEPTH:
            return
        for section, name, value in _variables(content):
            if section in {b"include", b"includeif"} and name == b"path" and value and self._includes < _MAX_INCLUDES:
                self._includes += 1
                is_plain = section == b"include"
                self.read(file.parent / _path(value), depth + 1, is_certain=is_certain and is_plain)
            elif section == b"core" and name == b"excludesfile" and value is not None:
                self._take(value, is_certain=is_certain)
            elif section == b"core" and name == b"ignorecase":
                wants = value is None or _is_true(value)
                self.ignores_case = wants if is_certain else self.ignores_case or wants

    def _take(self, value: bytes, *, is_certain: bool) -> None:
        file = self._top / _path(value.removeprefix(b":(optional)")) if value else None
        if is_certain:
            self._last = file
        elif file is not None:
            self._conditional.append(file)


def _variables(content: bytes) -> Iterator[tuple[bytes, bytes, bytes | None]]:
    """Yield section, name and value of each variable; the value is None if there is no equals sign."""
    section = b""
    lines = iter(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    for written in lines:
        line = written
        header = _SECTION.match(line)
        if header is not None:
            name = header[1].lower()
            # A section with a subsection has other variables, except for a condition.
            section = name if header[2] is None or name == b"includeif" else b""
            line = line[header.end() :]
        variable = _VARIABLE.match(line)
        if variable is not None:
            value = variable[2]
            yield section, variable[1].lower(), None if value is None else _value(value, lines)


def _value(first: bytes, following: Iterator[bytes]) -> bytes:
    """Return a value without quotes, escapes and comments; a backslash at the end continues it on the next line."""
    parts: list[bytes] = []
    is_quoted, kept = False, 0
    line = first
    while True:
        at = 0
        while at < len(line):
            char = line[at : at + 1]
            if char == b"\\" and at + 1 < len(line):
                at += 1
                parts.append(_ESCAPES.get(line[at : at + 1], line[at : at + 1]))
                kept = len(parts)
            elif char == b"\\":
                break
            elif char == b'"':
                is_quoted = not is_quoted
            elif char in {b"#", b";"} and not is_quoted:
                return b"".join(parts[:kept])
            else:
                parts.append(char)
                kept = len(parts) if is_quoted or not char.isspace() else kept
            at += 1
        if at == len(line) or (line := next(following, b"")) == b"":
            return b"".join(parts[:kept])
        line = line.removesuffix(b"\r")


def _path(value: bytes) -> Path:
    text = os.fsdecode(value.replace(b"\0", b""))
    try:
        return Path(text).expanduser() if text.startswith("~") else Path(text)
    except RuntimeError:  # an unknown user
        return Path(text)


def _is_true(value: bytes) -> bool:
    if value.lower() in {b"true", b"yes", b"on"}:
        return True
    return value.lstrip(b"+-").isdigit() and bool(value.strip(b"+-0"))
