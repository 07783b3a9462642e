"""Import statements of JavaScript and TypeScript."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from infill_completion.context.imports.files import Files
from infill_completion.context.imports.site import Import, ImportSite, Takes
from infill_completion.context.imports.tsconfig import aliased

_FROM = re.compile(
    r"^[ \t]*(?:import|export)\b\s*(?:type\s+(?!from\b))?"
    # A list that is not closed yet ends at the next statement.
    r"([\w$,*{}](?:[\w$ \t,*{}]|\n(?![ \t]*(?:import|export|const|let|var)\b)){0,2000}?)\bfrom\b\s*"
    r"['\"]([^'\"\n]+)['\"]",
    re.MULTILINE,
)
_REQUIRE = re.compile(
    r"^[ \t]*(?:export\s+)?(?:const|let|var|import)\s+([\w$]+|\{[\w$\s,:]{0,2000}\})\s*=\s*"
    r"(?:await\s+import|require)\s*\(\s*['\"]([^'\"\n]+)['\"]",
    re.MULTILINE,
)
_SUFFIXES = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts")
# The suffix by which a TypeScript file imports another, and the suffixes that the other may have.
_WRITTEN = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
_NAME = re.compile(r"[\w$]+")


def imports(site: ImportSite, files: Files) -> Iterator[Import]:
    """Yield names and defaults that are imported, the used members of modules, and reexported definitions."""
    matches = [*_FROM.finditer(site.text), *_REQUIRE.finditer(site.text)]
    for match in sorted(matches, key=re.Match.start):
        found = _files(match.group(2), site, files)
        if not found:
            continue
        if match.re is _REQUIRE:
            yield from _required(match.group(1), found, site)
        else:
            is_export = match.group().lstrip().startswith("export")
            yield from _clause(match.group(1), found, site, is_export=is_export)


def _clause(clause: str, found: tuple[Path, ...], site: ImportSite, *, is_export: bool) -> Iterator[Import]:
    before, brace, inner = clause.partition("{")
    names = _names(inner.partition("}")[0], r"\s+as\s+") if brace else []
    for part in before.split(","):
        words = part.split()
        if words == ["*"] and is_export:
            yield Import(found, takes=Takes.USED)
        elif len(words) == 3 and words[:2] == ["*", "as"]:
            yield Import(found, site.uses(words[2], "."))
        elif len(words) == 1 and _NAME.fullmatch(words[0]):
            names.insert(0, ("default", words[0]))
    yield Import(found, tuple((here, there) for there, here in names))


def _required(target: str, found: tuple[Path, ...], site: ImportSite) -> Iterator[Import]:
    if target.startswith("{"):
        yield Import(found, tuple((here, there) for there, here in _names(target.strip("{}"), r"\s*:\s*")))
    else:
        yield Import(found, ((target, "default"), *site.uses(target, ".")))


def _names(listed: str, between: str) -> list[tuple[str, str]]:
    """Return the names in a list, each with its name in the importing file."""
    found = []
    for part in listed.split(","):
        names = re.split(between, part.strip().removeprefix("type ").strip())
        if len(names) <= 2 and all(_NAME.fullmatch(name) for name in names):
            found.append((names[0], names[-1]))
    return found


def _files(written: str, site: ImportSite, files: Files) -> tuple[Path, ...]:
    """Return the files that a module's name may refer to."""
    if written.startswith("."):
        return _candidates([site.path.parent / written])
    return _candidates(aliased(written, site, files))


def _candidates(stems: Sequence[Path]) -> tuple[Path, ...]:
    found: list[Path] = []
    for stem in stems:
        if stem.suffix in _SUFFIXES:
            found += [stem, *(stem.with_suffix(other) for other in _WRITTEN.get(stem.suffix, ()))]
        found += [Path(f"{stem}{suffix}") for suffix in _SUFFIXES]
        found += [stem / f"index{suffix}" for suffix in _SUFFIXES]
    return tuple(found)
