"""Headers that a C or C++ file includes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from infill_completion.context.imports.files import Files
from infill_completion.context.imports.site import Import, ImportSite, Takes

_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([\"<])([^\">\n]+)[\">]", re.MULTILINE)
_SOURCES = frozenset({".c", ".cc", ".cpp", ".cxx", ".cu", ".m", ".mm"})
_HEADERS = (".h", ".hpp", ".hh", ".hxx", ".cuh")
# Usual folders for headers, below a root of the workspace and below each folder above the file.
_FOLDERS = ("", "include", "src")


def imports(site: ImportSite, files: Files) -> Iterator[Import]:
    """Yield all of the file's own header, then the definitions of each included one that are used near the cursor."""
    del files
    own = _own_headers(site)
    yield Import(own, takes=Takes.ALL)
    for quote, written in _INCLUDE.findall(site.text):
        if written.rpartition(".")[0].rpartition("/")[2] == site.path.stem and own:
            continue
        beside = [site.path.parent] if quote == '"' else []
        bases = dict.fromkeys([*beside, *_include_folders(site)])
        yield Import(tuple(base / written for base in bases), takes=Takes.USED)


def _own_headers(site: ImportSite) -> tuple[Path, ...]:
    if site.path.suffix.lower() not in _SOURCES:
        return ()
    stem = site.path.stem
    written = [name for _, name in _INCLUDE.findall(site.text) if name.rpartition("/")[2].partition(".")[0] == stem]
    folders = dict.fromkeys([site.path.parent, *_include_folders(site)])
    names = [*written, *(f"{stem}{suffix}" for suffix in _HEADERS)]
    return tuple(folder / name for name in names for folder in folders)


def _include_folders(site: ImportSite) -> list[Path]:
    tops = dict.fromkeys([*site.folders, *site.roots])
    return [top / name if name else top for top in tops for name in _FOLDERS]
