"""Holes as JSON lines, read and written: `docs/quality.md` has the format.

One object a line, UTF-8: ``prefix``, ``middle`` (what was removed) and ``suffix``, with ``path``, ``language`` or both;
``kind`` is ``rest`` unless it says ``line`` or ``block``.  Other keys are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from infill_completion.document.lines import to_lf
from infill_completion.languages.registry import language_id_of
from infill_server.commands.bench.quality.hole import CodeHole, HoleKind
from infill_server.errors import UsageError

MAX_LINE_BYTES = 8_000_000
MAX_HOLES = 100_000
_TEXTS = ("prefix", "middle", "suffix", "path", "language", "kind", "commit")


def write_holes(file: Path, holes: Sequence[CodeHole], folder: Path) -> None:
    """Write holes; paths are relative to ``folder`` where they are below it, and else names.

    Raises:
        UsageError: The file cannot be written.
    """
    lines = [json.dumps(_entry(hole, folder), ensure_ascii=False) + "\n" for hole in holes]
    try:
        file.write_text("".join(lines), encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"{file} cannot be written ({error.strerror}); name another file.") from error


def read_holes(file: Path, folder: Path) -> list[CodeHole]:
    """Return the holes of a file; relative paths count from ``folder``.

    Raises:
        UsageError: The file cannot be read, has no holes, or a line is not one; the sentence has the line's number.
    """
    holes = []
    try:
        for number, line in _lines(file):
            holes.append(_hole(line, file, number, folder))
            if len(holes) > MAX_HOLES:
                raise UsageError(f"{file} has more than {MAX_HOLES:,} holes; split it.")
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}); name another file.") from error
    if not holes:
        raise UsageError(f"{file} has no holes; write some with --write-holes.")
    return holes


def _entry(hole: CodeHole, folder: Path) -> dict[str, str]:
    path = hole.path.relative_to(folder).as_posix() if hole.path.is_relative_to(folder) else hole.path.name
    texts = {"prefix": hole.prefix, "middle": hole.expected, "suffix": hole.suffix}
    entry = {"path": path, "language": hole.language_id, "kind": hole.kind.value, **texts}
    return entry | ({"commit": hole.commit} if hole.commit else {})


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers from 1; a line end inside a string is escaped in JSON."""
    with file.open("rb") as opened:
        number = 0
        while line := opened.readline(MAX_LINE_BYTES):
            number += 1
            if len(line) == MAX_LINE_BYTES:
                raise UsageError(f"{file}, line {number}: more than {MAX_LINE_BYTES:,} bytes; cut the texts shorter.")
            if line.strip(b"\xef\xbb\xbf \t\r\n"):
                yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _hole(line: bytes, file: Path, number: int, folder: Path) -> CodeHole:
    """Return the hole of a line; without a path it is in a file of its own.

    Raises:
        UsageError: The line is not a hole.
    """
    place = f"{file}, line {number}"
    entry = _parsed(line, place)
    for name in _TEXTS:
        if not isinstance(entry.get(name, ""), str):
            raise UsageError(f"{place}: `{name}` must be text.")
    missing = [name for name in ("prefix", "middle", "suffix") if name not in entry]
    if missing:
        raise UsageError(f"{place}: `{missing[0]}` is missing.")
    if any("\ud800" <= character <= "\udfff" for name in _TEXTS for character in entry.get(name, "")):
        raise UsageError(f"{place}: half of a surrogate pair; write whole characters.")
    middle = to_lf(entry["middle"])
    kind = _kind(entry, place)
    if not middle.strip():
        raise UsageError(f"{place}: `middle` has nothing to complete.")
    if "\n" in middle and kind is not HoleKind.BLOCK:
        raise UsageError(f"{place}: `middle` has several lines, which only the kind `block` may have.")
    path, language = _name(entry, place)
    return CodeHole(
        folder / (path or f"untitled-{number}"), to_lf(entry["prefix"]), middle, to_lf(entry["suffix"]), kind, language,
        entry.get("commit", ""),
    )  # fmt: skip


def _parsed(line: bytes, place: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place}: Invalid JSON.") from error
    if not isinstance(entry, dict):
        raise UsageError(f"{place}: Not a JSON object.")
    return entry


def _kind(entry: dict[str, Any], place: str) -> HoleKind:
    try:
        return HoleKind(entry.get("kind", HoleKind.REST.value))
    except ValueError as error:
        known = ", ".join(kind.value for kind in HoleKind)
        raise UsageError(f"{place}: `kind` must be one of {known}.") from error


def _name(entry: dict[str, Any], place: str) -> tuple[str, str]:
    """Return the path and the language; either is enough."""
    path, language = entry.get("path", ""), entry.get("language", "")
    if "\0" in path:
        raise UsageError(f"{place}: `path` is not a path.")
    if not language.isprintable():
        raise UsageError(f"{place}: `language` is not a language id, such as python.")
    language = language or (language_id_of(PurePosixPath(path).name) if path else "")
    if not language:
        raise UsageError(f"{place}: `path` or `language` is missing.")
    return path, language
