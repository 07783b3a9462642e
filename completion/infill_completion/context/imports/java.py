"""Java's import declarations, and the types in the other files of the package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from infill_completion.context.imports.files import Files
from infill_completion.context.imports.site import Import, ImportSite

# Types read of one package.
MAX_TYPES = 24
_PACKAGE = re.compile(r"^[ \t]*package[ \t]+([\w.]+)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+(static[ \t]+)?([\w.]+?)(\.\*)?[ \t]*(?:;|$)", re.MULTILINE)


def imports(site: ImportSite, files: Files) -> Iterator[Import]:
    """Yield imported types, then types of the file's own package that are used near the cursor."""
    sources = _source_roots(site)
    for is_static, name, is_all in _IMPORT.findall(site.text):
        parts = [part for part in name.split(".") if part]
        if is_static and not is_all:
            parts = parts[:-1]
        if not parts:
            continue
        if is_all and not is_static:
            yield from _used([source.joinpath(*parts) for source in sources], site, files)
        else:
            yield Import(
                tuple(source.joinpath(*parts[:-1], f"{parts[-1]}.java") for source in sources),
                ((parts[-1], parts[-1]),),
            )
    package = _package(site)
    folders = [site.path.parent, *(source.joinpath(*package) for source in sources if package)]
    yield from _used(list(dict.fromkeys(folders)), site, files)


def _used(folders: list[Path], site: ImportSite, files: Files) -> Iterator[Import]:
    """Yield the types of a package whose names occur near the cursor."""
    for folder in folders:
        names = [name.removesuffix(".java") for name in files.names(folder) if name.endswith(".java")]
        for name in [name for name in names if name in site.words and name != site.path.stem][:MAX_TYPES]:
            yield Import((folder / f"{name}.java",), ((name, name),))


def _package(site: ImportSite) -> list[str]:
    found = _PACKAGE.search(site.text)
    return [part for part in found.group(1).split(".") if part] if found else []


def _source_roots(site: ImportSite) -> list[Path]:
    """Return the folders in which packages begin: the file's own, the one that its tests belong to, and usual ones."""
    package = _package(site)
    found: list[Path] = []
    folders = [site.path.parent, *site.path.parents[1:]]
    if [folder.name for folder in folders[: len(package)]] == package[::-1] and len(package) < len(folders):
        own = folders[len(package)]
        found.append(own)
        if own.parts[-2:] == ("test", "java"):
            found.append(own.parent.parent / "main" / "java")
    for root in site.roots:
        found += [root / "src" / "main" / "java", root / "src", root]
    return list(dict.fromkeys(found))
