"""Go's import declarations, and the other files of the package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from infill_completion.context.imports.files import Files
from infill_completion.context.imports.site import Import, ImportSite, Takes

# Files read of one package.
MAX_FILES = 24
_BLOCK = re.compile(r"^import\s*(\([^()]*|[^\n(]+)", re.MULTILINE)
_SPEC = re.compile(r"^[ \t(]*(?:([\w.]+)[ \t]+)?[\"`]([^\"`\n]+)[\"`]", re.MULTILINE)
_MODULE = re.compile(r"^module[ \t]+\"?([^\s\"]+)", re.MULTILINE)
_VERSION = re.compile(r"v\d+$")


def imports(site: ImportSite, files: Files) -> Iterator[Import]:
    """Yield the used members of the module's packages, then those of the file's own package."""
    top, module = _module(site, files)
    for block in _BLOCK.finditer(site.text):
        for alias, path in _SPEC.findall(block.group(1)):
            if top is None or not f"{path}/".startswith(f"{module}/"):
                continue
            folder = top / path[len(module) :].strip("/")
            found = _files(folder, site, files)
            if alias == ".":
                yield Import(found, takes=Takes.USED, is_folder=True)
            elif alias != "_":
                yield Import(found, site.uses(alias or _package(path), "."), is_folder=True)
    yield Import(_files(site.path.parent, site, files), takes=Takes.USED, is_folder=True)


def _module(site: ImportSite, files: Files) -> tuple[Path | None, str]:
    """Return folder and name of the file's module."""
    for folder in site.folders:
        found = _MODULE.search(files.text(folder / "go.mod"))
        if found is not None:
            return folder, found.group(1)
    return None, ""


def _package(path: str) -> str:
    parts = path.split("/")
    return parts[-2] if len(parts) > 1 and _VERSION.match(parts[-1]) else parts[-1]


def _files(folder: Path, site: ImportSite, files: Files) -> tuple[Path, ...]:
    """Return the files of a package, tests only for a test of it."""
    names = [name for name in files.names(folder) if name.endswith(".go")]
    if not site.path.name.endswith("_test.go"):
        names = [name for name in names if not name.endswith("_test.go")]
    return tuple(folder / name for name in names if folder / name != site.path)[:MAX_FILES]
