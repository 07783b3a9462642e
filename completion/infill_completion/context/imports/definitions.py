"""Finds the definitions behind imports, including those that a file only exports again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from pathlib import Path

from infill_completion.context.imports import c, go, java, python, rust, script
from infill_completion.context.imports.files import Files
from infill_completion.context.imports.site import MAX_TEXT, Import, ImportSite, Takes
from infill_completion.context.snippet import Snippet
from infill_completion.languages.registry import context_module_of

# Imports that are parsed, and how many of them are followed.
MAX_WRITTEN = 150
MAX_IMPORTS = 24
# Files read for one request, and the longest chain of files that export again what they import.
MAX_FILES = 48
MAX_STEPS = 3
# Characters that one file may take.
MAX_CHARACTERS = 800


@dataclass(frozen=True)
class _ImportRules:
    """How the imports of a language are found, and whether a file can export again what it imports."""

    imports: Callable[[ImportSite, Files], Iterator[Import]]
    reexports: bool


# By `Language.context_module`.
_RULES = {
    "c": _ImportRules(c.imports, reexports=False),
    "go": _ImportRules(go.imports, reexports=False),
    "java": _ImportRules(java.imports, reexports=False),
    "python": _ImportRules(python.imports, reexports=True),
    "rust": _ImportRules(rust.imports, reexports=True),
    "script": _ImportRules(script.imports, reexports=True),
}


def imports_of(site: ImportSite, files: Files) -> list[Import]:
    """Return the imports of a text that may lead to files in the workspace.

    In the order of the text, except that imports used near the cursor come first. Empty for a language without rules.
    """
    rules = _RULES.get(context_module_of(site.language_id))
    if rules is None:
        return []
    text = site.text[:MAX_TEXT]
    written = islice(rules.imports(replace(site, text=text), files), MAX_WRITTEN)
    found = [item for item in takewhile(lambda _: files.allows(), written) if item.files]
    wanted = [item for item in found if item.names or item.takes is not Takes.NAMED]
    wanted.sort(key=lambda item: item.takes is Takes.NAMED and not any(here in site.words for here, _ in item.names))
    return list(dict.fromkeys(wanted))[:MAX_IMPORTS]


def definitions(site: ImportSite, files: Files, most_characters: int) -> list[Snippet]:
    """Return the signatures of the definitions that ``site`` imports, one snippet for each file.

    They have about ``most_characters`` at most. Any text and any file is accepted without an error, and files are read
    only through ``files``.
    """
    search = _Search(site, files)
    for item in imports_of(site, files):
        if search.characters >= most_characters:
            break
        search.follow(item, site.path, 0)
    return [
        Snippet(files.uri(path), "import", 0, text)
        for path, signatures in search.found.items()
        if (text := _fitting(signatures))
    ]


class _Search:
    def __init__(self, site: ImportSite, files: Files) -> None:
        self.found: dict[Path, dict[str, None]] = {}
        self._site = site
        self._files = files
        self._left = MAX_FILES

    @property
    def characters(self) -> int:
        return sum(min(sum(map(len, signatures)), MAX_CHARACTERS) for signatures in self.found.values())

    def follow(self, item: Import, origin: Path, step: int) -> None:
        """Record the signatures behind an import in ``origin``."""
        missing = list(dict.fromkeys(there for _, there in item.names))
        for file in (Path(os.path.normpath(file)) for file in item.files):
            if self._left <= 0 or (item.takes is Takes.NAMED and not missing):
                return
            if file in {self._site.path, origin}:
                continue
            outline = self._files.outline(file, self._site.language_id)
            if outline is None:
                continue
            self._left -= 1
            if item.takes is Takes.NAMED:
                for name in [*missing]:
                    signatures = outline.find(name, self._files.allows)
                    if signatures:
                        self._add(file, signatures)
                        missing.remove(name)
            else:
                names = self._site.words if item.takes is Takes.USED else None
                self._add(file, outline.find_all(names, self._files.allows))
            if not item.is_folder:
                self._follow_reexports(file, outline.text, missing, step + 1)
                return

    def _follow_reexports(self, file: Path, text: str, names: list[str], step: int) -> None:
        """Look for ``names`` in the imports of a file that does not define them."""
        rules = _RULES[context_module_of(self._site.language_id)]
        if not names or step >= MAX_STEPS or not rules.reexports:
            return
        there = replace(self._site, text=text[:MAX_TEXT], near="", path=file)
        for item in islice(rules.imports(there, self._files), MAX_WRITTEN):
            if item.takes is Takes.USED:
                self.follow(replace(item, names=tuple((name, name) for name in names), takes=Takes.NAMED), file, step)
            else:
                passed = tuple((here, origin) for here, origin in item.names if here in names)
                if passed:
                    self.follow(replace(item, names=passed), file, step)

    def _add(self, file: Path, signatures: list[str] | tuple[str, ...]) -> None:
        if signatures:
            self.found.setdefault(file, {}).update(dict.fromkeys(signatures))


def _fitting(signatures: dict[str, None]) -> str:
    """Return the whole lines of the signatures that fit the room of one file."""
    text = "\n".join(signatures)
    return text if len(text) <= MAX_CHARACTERS else text[: max(text.rfind("\n", 0, MAX_CHARACTERS), 0)]
