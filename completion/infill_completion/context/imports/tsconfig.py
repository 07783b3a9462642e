"""Names of modules that `tsconfig.json` or `jsconfig.json` maps to folders; ``extends`` is ignored."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from infill_completion.context.imports.files import Files
from infill_completion.context.imports.site import MAX_TEXT, ImportSite

_NAMES = ("tsconfig.json", "jsconfig.json")
# Comments, and commas after the last item, both of which TypeScript allows; strings stay as they are.
_STRING = r'("(?:[^"\\\n]|\\.)*")'
_COMMENT = re.compile(_STRING + r"|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_COMMA = re.compile(_STRING + r"|,(?=\s*[}\]])")


def aliased(written: str, site: ImportSite, files: Files) -> list[Path]:
    """Return the paths of a module's name according to ``paths`` and ``baseUrl`` of the nearest configuration."""
    for folder in site.folders:
        for name in _NAMES:
            text = files.text(folder / name)[:MAX_TEXT]
            if text:
                return _mapped(written, folder, _options(text))
    return []


def _options(text: str) -> dict[str, Any]:
    for extra in (_COMMENT, _COMMA):
        text = extra.sub(lambda match: match.group(1) or "", text)
    try:
        found = json.loads(text)
        options = found.get("compilerOptions")
    except (ValueError, AttributeError, RecursionError):
        return {}
    return options if isinstance(options, dict) else {}


def _mapped(written: str, folder: Path, options: dict[str, Any]) -> list[Path]:
    base, paths = options.get("baseUrl"), options.get("paths")
    top = folder / base if isinstance(base, str) else folder
    found: list[Path] = []
    for pattern, targets in paths.items() if isinstance(paths, dict) else ():
        start, star, end = pattern.partition("*")
        if not (written.startswith(start) and written.endswith(end) if star else written == pattern):
            continue
        middle = written[len(start) : len(written) - len(end)]
        listed = targets if isinstance(targets, list) else []
        found += [top / target.replace("*", middle) for target in listed if isinstance(target, str)]
    return found + ([top / written] if isinstance(base, str) else [])
