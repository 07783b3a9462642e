"""Check the size of folders, files and functions, and that class names are unique; run by ``make check``.

A folder holds at most 20 source files. In production code a file has at most 300 lines and a function at most 60.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parent.parent
PRODUCTION = ("completion", "server")
SOURCES = frozenset({".py", ".c", ".h", ".cu", ".cuh", ".ts", ".lua"})
MAX_FILES = 20
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60


def source_files(folder: Path) -> Iterator[Path]:
    """Yield the source files below ``folder``; hidden, installed and generated ones are left out."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__pycache__")) or path.name in {"node_modules", "dist", "out", "build"}:
            continue
        if path.is_dir():
            yield from source_files(path)
        elif path.suffix in SOURCES:
            yield path


def function_sizes(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the number of lines and the name of each function in a Python file, decorators left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1, node.name


def shared_names(paths: Iterable[Path]) -> Iterator[str]:
    """Yield a sentence for each class name that several Python files define; private classes do not count."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in (path for path in paths if path.suffix == ".py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(ROOT)))
    for name, places in found.items():
        if len(places) > 1:
            yield f"{name} is the name of {len(places)} classes ({', '.join(places)}); one name means one thing."


def main() -> int:
    """Print what breaks a rule, and the sizes of functions; the exit code is 1 if anything does."""
    files = list(source_files(ROOT))
    faults = [
        f"{folder.relative_to(ROOT)} has {count} source files; the most is {MAX_FILES}. Give some of them a folder."
        for folder, count in Counter(path.parent for path in files if path.name != "__init__.py").items()
        if count > MAX_FILES
    ]
    production = [path for path in files if path.relative_to(ROOT).parts[0] in PRODUCTION]
    faults += shared_names(production)
    sizes: list[int] = []
    for path in production:
        name = path.relative_to(ROOT)
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MAX_FILE_LINES:
            faults.append(f"{name} has {lines} lines; the most is {MAX_FILE_LINES}.")
        for size, function in function_sizes(path) if path.suffix == ".py" else ():
            sizes.append(size)
            if size > MAX_FUNCTION_LINES:
                faults.append(f"{name}: {function} has {size} lines; the most is {MAX_FUNCTION_LINES}.")
    print(*faults, sep="\n", end="\n" * bool(faults))
    p90 = quantiles(sizes, n=10)[-1]
    print(f"{len(files)} source files, {len(sizes)} functions: median {median(sizes):.0f} lines, p90 {p90:.0f}.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
