"""Which holes are measured: of a folder's files, of a Git history, or of a file of holes."""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infill_completion.privacy.rules import Privacy
from infill_completion.settings import Settings
from infill_server.commands.bench.quality.cutting import HoleSource, holes, read_sources
from infill_server.commands.bench.quality.git_history import GitHistory
from infill_server.commands.bench.quality.hole import CodeHole, HoleKind
from infill_server.commands.bench.quality.hole_file import read_holes
from infill_server.commands.bench.source_files import source_files
from infill_server.errors import UsageError

DEFAULT_COUNT = 100  # holes of each kind


@dataclass(frozen=True)
class Selection:
    """Holes and where they are from.

    Attributes:
        holes: The holes.
        folder: What their paths are relative to.
        has_files: Whether the other files of the folder are those of the same moment, so that they may be context.
        origin: The same for the figures, as JSON.
    """

    holes: list[CodeHole]
    folder: Path
    has_files: bool = True
    origin: dict[str, Any] = field(default_factory=dict)


def select(options: argparse.Namespace, settings: Settings) -> Selection:
    """Return the holes that the command line names.

    Raises:
        UsageError: There are none, or the options contradict each other.
    """
    if options.count is not None and options.count < 1:
        raise UsageError("--count takes a number from 1.")
    kinds = parse_kinds(options.kinds)
    if options.holes is not None:
        return _from_file(options, kinds)
    if options.folder is None and options.git and Path(options.git).exists():
        raise UsageError(f"Write {options.git} before --git, which takes a range of revisions.")
    if options.folder is None:
        raise UsageError("Name a folder with source files, or a file of holes with --holes.")
    folder = Path(options.folder)
    if not folder.exists():
        raise UsageError(f"Folder not found: {folder}; name one with source files.")
    folder = folder.resolve()
    privacy = Privacy(settings.privacy.ignore)
    if options.git is not None:
        return _from_history(folder, privacy, kinds, options)
    sources = _of_folder(folder, privacy, options.seed)
    origin = {"from": "files", "files": len(sources)}
    return Selection(_cut(sources, kinds, options), _folder_of(folder), origin=origin)


def parse_kinds(text: str) -> list[HoleKind]:
    """Return the kinds of a list such as ``rest,block``.

    Raises:
        UsageError: A name is unknown.
    """
    names = dict.fromkeys(name.strip() for name in text.split(","))
    known = [kind.value for kind in HoleKind]
    if not set(known).issuperset(names):
        raise UsageError(f"--kinds takes {', '.join(known)}, with commas between them, not {text!r}.")
    return [HoleKind(name) for name in names]


def _from_file(options: argparse.Namespace, kinds: list[HoleKind]) -> Selection:
    """Return the holes of a file: of the wanted kinds, all or the first ``--count`` of each."""
    if options.git is not None:
        raise UsageError("--holes and --git both say where the holes come from; use one of them.")
    file = Path(options.holes)
    folder = Path(options.folder).resolve() if options.folder is not None else file.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"Folder not found: {folder}; name the one that the paths in {file} count from.")
    read = read_holes(file, folder)
    found = [hole for kind in kinds for hole in [each for each in read if each.kind is kind][: options.count]]
    if not found:
        raise UsageError(f"{file} has no holes of the kinds {', '.join(kinds)}; name others with --kinds.")
    return Selection(found, folder, options.folder is not None, {"from": "a file of holes"})


def _from_history(folder: Path, privacy: Privacy, kinds: list[HoleKind], options: argparse.Namespace) -> Selection:
    history = GitHistory(folder, options.git, privacy)
    sources = history.sources(_count(options), options.seed)
    commits = {"commits": len(history.commits), "newest": history.commits[0], "oldest": history.commits[-1]}
    origin = {"from": "a history", **commits}
    return Selection(_cut(sources, kinds, options), _folder_of(folder), has_files=False, origin=origin)


def _count(options: argparse.Namespace) -> int:
    return DEFAULT_COUNT if options.count is None else int(options.count)


def _cut(sources: list[HoleSource], kinds: list[HoleKind], options: argparse.Namespace) -> list[CodeHole]:
    found = [hole for kind in kinds for hole in holes(sources, _count(options), options.seed, kind)]
    if not found:
        raise UsageError("No place there fits the kinds of holes; name more files or other --kinds.")
    return found


def _of_folder(folder: Path, privacy: Privacy, seed: int) -> list[HoleSource]:
    """Return the source files of a folder that are not private, in an order by chance.

    Where there are more files than holes, only the first ones are cut; by name they would be those of one folder.
    """
    roots = (_folder_of(folder),)
    paths = [path for path in source_files(folder) if privacy.rule_for(path.as_uri(), roots) is None]
    random.Random(seed).shuffle(paths)
    sources = read_sources(paths)
    if not sources:
        raise UsageError(f"{folder} has no source files of 1,000 characters or more; name another folder.")
    return sources


def _folder_of(named: Path) -> Path:
    """Return what the command line names, or the folder of the file that it names."""
    return named.parent if named.is_file() else named
