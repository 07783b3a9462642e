"""The definitions behind a file's imports, from files of the workspace."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_completion.context.snippet import Snippet
from infill_completion.lines import indent_of, to_lf

MOST_IMPORTS = 12
MOST_BYTES = 400_000
MOST_CHARACTERS = 800
_PYTHON = re.compile(r"^[ \t]*from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^()]*\)|[^\n#(]+)", re.MULTILINE)
_SCRIPT = re.compile(
    r"^[ \t]*import\s+(?:type\s+)?(?:\w+\s*,\s*)?\{([^{}]*)\}\s*from\s*['\"](\.[^'\"\n]*)['\"]", re.MULTILINE
)
_SCRIPT_SUFFIXES = (".ts", ".tsx", ".js", ".jsx", ".mjs", "/index.ts", "/index.js")
_SCRIPT_IDS = frozenset({"javascript", "javascriptreact", "typescript", "typescriptreact"})

# Returns the text of a file, None where there is none or it must not be read.
Reader = Callable[[Path], str | None]


@dataclass(frozen=True)
class Import:
    """A file that may hold the definitions of ``names``."""

    candidates: tuple[Path, ...]
    names: tuple[str, ...]


def imports_of(text: str, language_id: str, path: Path, roots: Sequence[Path]) -> list[Import]:
    """Return what ``text`` imports by name from files that may lie in the workspace, in the order of the text."""
    if language_id == "python":
        found = [_python(match, path, roots) for match in _PYTHON.finditer(text)]
    elif language_id in _SCRIPT_IDS:
        found = [_script(match, path) for match in _SCRIPT.finditer(text)]
    else:
        found = []
    return [item for item in found if item.names and item.candidates][:MOST_IMPORTS]


def definitions(text: str, language_id: str, path: Path, roots: Sequence[Path], read: Reader) -> list[Snippet]:
    """Return the heads of the definitions that ``text`` imports, one snippet for each file."""
    snippets = []
    for item in imports_of(text, language_id, path, roots):
        for candidate in item.candidates:
            source = read(candidate)
            if source is None:
                continue
            heads = [head for name in item.names if (head := _head(to_lf(source), name, language_id))]
            if heads:
                snippets.append(Snippet(candidate.as_uri(), "import", 0, "\n".join(heads)[:MOST_CHARACTERS]))
            break
    return snippets


def read_file(path: Path) -> str | None:
    """Return the text of a file of moderate size, None where there is none."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError, ValueError):
        return None


def _python(match: re.Match[str], path: Path, roots: Sequence[Path]) -> Import:
    module, names = match.group(1), _names(match.group(2).strip("()"))
    dots = len(module) - len(module.lstrip("."))
    parts = [part for part in module.lstrip(".").split(".") if part]
    if dots:
        base = path.parent
        for _ in range(dots - 1):
            base = base.parent
        bases: list[Path] = [base]
    else:
        bases = [place for root in roots for place in (root, root / "src")] + _packages_above(path, roots)
    files = [base.joinpath(*parts) for base in bases]
    return Import(tuple(file for stem in files for file in (stem.with_suffix(".py"), stem / "__init__.py")), names)


def _packages_above(path: Path, roots: Sequence[Path]) -> list[Path]:
    """Return the folders between the file and the workspace's root, where source roots often lie."""
    root = next((root for root in roots if path.is_relative_to(root)), None)
    if root is None:
        return [path.parent]
    return [folder for folder in path.parents if folder.is_relative_to(root)]


def _script(match: re.Match[str], path: Path) -> Import:
    stem = (path.parent / match.group(2)).as_posix()
    return Import(tuple(Path(stem + suffix) for suffix in ("", *_SCRIPT_SUFFIXES)), _names(match.group(1)))


def _names(listed: str) -> tuple[str, ...]:
    names = (part.split(" as ")[0].strip().removeprefix("type ") for part in listed.split(","))
    return tuple(name for name in names if name.isidentifier())


def _head(source: str, name: str, language_id: str) -> str:
    """Return the signature of ``name``, and for a class those of its methods."""
    if language_id == "python":
        pattern = rf"^(?:class|def|async def)[ \t]+{re.escape(name)}\b"
    else:
        kinds = "class|function|interface|type|const|enum"
        pattern = rf"^export\s+(?:default\s+)?(?:async\s+)?(?:abstract\s+)?(?:{kinds})\s+{re.escape(name)}\b"
    match = re.search(pattern, source, re.MULTILINE)
    if match is None:
        assigned = re.search(rf"^{re.escape(name)}\b[^=\n]*=[^=\n].*$", source, re.MULTILINE)
        return assigned.group() if assigned else ""
    lines = source[match.start() : match.start() + 20_000].split("\n")
    kept = [lines[0]]
    is_type = re.match(r"(?:export\s+)?(?:default\s+)?(?:abstract\s+)?(?:class|interface|type|enum)\b", lines[0])
    for line in lines[1:]:
        if line.strip() and not indent_of(line):
            break
        if not is_type and not _continues(kept):
            break
        if not is_type or _is_member(line, language_id):
            kept.append(line)
    return "\n".join(kept)


def _continues(signature: list[str]) -> bool:
    text = "\n".join(signature)
    return text.count("(") > text.count(")")


def _is_member(line: str, language_id: str) -> bool:
    if language_id == "python":
        return re.match(r"[ \t]{1,4}(?:async def|def|class|\w+[ \t]*:[^=]|[A-Z][A-Z0-9_]*[ \t]*=)", line) is not None
    return re.match(r"[ \t]{1,4}[\w#]", line) is not None and len(indent_of(line)) <= 4
