"""Rust's ``use`` and ``mod`` items."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infill_completion.context.imports.files import Files
from infill_completion.context.imports.site import Import, ImportSite, Takes

MAX_DEPTH = 8
# Paths in one ``use``; an item with more is generated.
MAX_PATHS = 64
_USE = re.compile(r"^[ \t]*(?:pub(?:\([^()\n]*\))?[ \t]+)?use[ \t\n]+([^;]{1,2000})", re.MULTILINE)
_MOD = re.compile(r"^[ \t]*(?:pub(?:\([^()\n]*\))?[ \t]+)?mod[ \t]+(\w+)[ \t]*;", re.MULTILINE)
_PATH = re.compile(r"(?<![\w:])((?:crate|self|super)(?:::\w+)+)")
_TOKEN = re.compile(r"::|[{},*]|\w+")
_PACKAGE = re.compile(r"^\[package\][^\[]*?^name[ \t]*=[ \t]*\"([\w-]+)\"", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class _Crate:
    """The crate of a file.

    Attributes:
        source: The folder of the crate's root.
        name: Its name for other crates; empty if unknown.
        module: The module of the file, from the crate's root.
    """

    source: Path
    name: str
    module: tuple[str, ...]


def imports(site: ImportSite, files: Files) -> Iterator[Import]:
    """Yield names that are imported, and the used members of modules, also by whole paths near the cursor."""
    crate = _crate(site, files)
    children = frozenset(_MOD.findall(site.text))
    matches = sorted([*_USE.finditer(site.text), *_MOD.finditer(site.text)], key=re.Match.start)
    for match in matches:
        if match.re is _MOD:
            found = _files((*crate.module, match.group(1)), crate)
            yield Import(found, site.uses(match.group(1), "::"))
            continue
        for path, here in _paths(_TOKEN.findall(match.group(1))):
            yield from _used(path, here, crate, children, site)
    for written in dict.fromkeys(_PATH.findall(site.near)):
        path = tuple(written.split("::"))
        yield from _used(path, path[-1], crate, children, site)


def _used(
    path: tuple[str, ...], here: str, crate: _Crate, children: frozenset[str], site: ImportSite
) -> Iterator[Import]:
    """Yield the possible meanings of a path: an item of a module, a module, or a part of a type."""
    whole = _absolute(path, crate, children)
    if not whole:
        return
    if whole[-1] == "*":
        yield Import(_files(whole[:-1], crate), takes=Takes.USED)
        return
    yield Import(_files(whole[:-1], crate), ((here, whole[-1]),))
    yield Import(_files(whole, crate), site.uses(here, "::"))
    if len(whole) > 1 and whole[-2][:1].isupper():
        yield Import(_files(whole[:-2], crate), ((whole[-2], whole[-2]),))


def _paths(words: list[str]) -> list[tuple[tuple[str, ...], str]]:
    """Return the paths of a ``use`` tree, each with its name in the importing file; an incomplete tree is accepted."""
    found: list[tuple[tuple[str, ...], str]] = []
    stack: list[tuple[str, ...]] = [()]
    path: tuple[str, ...] = ()
    here = ""
    is_renamed = False
    for word in [*words, ","]:
        if word == "{":
            if len(stack) > MAX_DEPTH:
                break
            stack.append(path)
        elif word in {",", "}"}:
            if path != stack[-1] and len(found) < MAX_PATHS:
                kept = path[:-1] if path[-1] == "self" and len(path) > 1 else path
                found.append((kept, here if is_renamed else kept[-1]))
            if word == "}" and len(stack) > 1:
                stack.pop()
            # After brackets as well: the path in front of them is not an import itself.
            path = stack[-1]
            here, is_renamed = "", False
        elif word == "as":
            is_renamed = True
        elif word != "::":
            here = word
            path = path if is_renamed else (*path, word)
    return found


def _absolute(path: tuple[str, ...], crate: _Crate, children: frozenset[str]) -> tuple[str, ...]:
    """Return a path from the crate's root; empty if it leads out of the crate."""
    first, rest = path[0], path[1:]
    if first == "crate" or (crate.name and first == crate.name):
        return rest
    if first == "self":
        return (*crate.module, *rest) if rest else ()
    if first == "super":
        module = crate.module
        while first == "super" and module:
            module, first, rest = module[:-1], rest[0] if rest else "", rest[1:]
        return (*module, first, *rest) if first and first != "super" else ()
    return (*crate.module, *path) if first in children else ()


def _files(module: tuple[str, ...], crate: _Crate) -> tuple[Path, ...]:
    if not module:
        return (crate.source / "lib.rs", crate.source / "main.rs")
    stem = crate.source.joinpath(*module)
    return (Path(f"{stem}.rs"), stem / "mod.rs")


def _crate(site: ImportSite, files: Files) -> _Crate:
    """Return the crate of a file; without a `Cargo.toml` the file's folder is the crate's root."""
    for folder in site.folders:
        text = files.text(folder / "Cargo.toml")
        if text:
            named = _PACKAGE.search(text)
            name = named.group(1).replace("-", "_") if named else ""
            return _Crate(folder / "src", name, _module(site.path, folder / "src"))
    return _Crate(site.path.parent, "", _module(site.path, site.path.parent))


def _module(path: Path, source: Path) -> tuple[str, ...]:
    if not path.is_relative_to(source):  # a test or an example, which is a crate itself
        return ()
    parts = path.relative_to(source).with_suffix("").parts
    if parts[-1:] == ("mod",) or parts in {("lib",), ("main",)}:
        return parts[:-1]
    return () if parts[:1] == ("bin",) else parts
