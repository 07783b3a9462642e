"""Python's import statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from infill_completion.context.imports.files import Files
from infill_completion.context.imports.site import Import, ImportSite, Takes

_FROM = re.compile(
    r"^[ \t]*from[ \t]+([\w.]*)[ \t]+import[ \t]+"
    # A list that is not closed yet ends at the next statement.
    r"(\((?:[^()\n]|\n(?![ \t]*(?:from|import)\b))*|(?:[^\n#(\\;]|\\\n)+)",
    re.MULTILINE,
)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+([\w.][^\n#;(]*)", re.MULTILINE)


def imports(site: ImportSite, files: Files) -> Iterator[Import]:
    """Yield names that are imported, and the used members of imported modules."""
    del files
    for match in sorted([*_FROM.finditer(site.text), *_IMPORT.finditer(site.text)], key=re.Match.start):
        if match.re is _FROM:
            yield from _from(match.group(1), match.group(2), site)
        else:
            for module, name in _names(match.group(1), is_dotted=True):
                used = site.uses(name, ".")
                if used:
                    yield Import(_files(_stems(module, site)), used)


def _from(module: str, listed: str, site: ImportSite) -> Iterator[Import]:
    stems = _stems(module, site)
    if listed.strip() == "*":
        yield Import(_files(stems), takes=Takes.USED)
        return
    names = _names(listed)
    yield Import(_files(stems), tuple((here, there) for there, here in names))
    for there, here in names:  # The name may be a module of the package.
        used = site.uses(here, ".")
        if used:
            yield Import(_files([stem / there for stem in stems]), used)


def _names(listed: str, *, is_dotted: bool = False) -> list[tuple[str, str]]:
    """Return the names in a list, each with its name in the importing file."""
    found = []
    for part in re.sub(r"#[^\n]*|\\\n|[()]", " ", listed).split(","):
        words = part.split()
        there, here = (words[0], words[2]) if len(words) == 3 and words[1] == "as" else (part.strip(), part.strip())
        is_name = all(piece.isidentifier() for piece in there.split(".")) if is_dotted else there.isidentifier()
        if is_name:
            found.append((there, here))
    return found


def _stems(module: str, site: ImportSite) -> list[Path]:
    """Return the possible paths of a module, without a suffix."""
    parts = [part for part in module.split(".") if part]
    dots = len(module) - len(module.lstrip("."))
    if dots:
        base = site.path.parent
        for _ in range(min(dots, 32) - 1):
            base = base.parent
        return [base.joinpath(*parts)]
    return [base.joinpath(*parts) for base in site.bases] if parts else []


def _files(stems: list[Path]) -> tuple[Path, ...]:
    return tuple(file for stem in stems for file in (Path(f"{stem}.py"), stem / "__init__.py", Path(f"{stem}.pyi")))
