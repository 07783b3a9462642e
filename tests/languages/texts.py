"""Texts of any size in the languages that have a grammar, and modules that people wrote."""

from __future__ import annotations

import sysconfig
from pathlib import Path

_LIBRARY = Path(sysconfig.get_paths()["stdlib"])
STANDARD_MODULES = [
    _LIBRARY / name
    for name in (
        "argparse.py",
        "ast.py",
        "datetime.py",
        "difflib.py",
        "doctest.py",
        "inspect.py",
        "pickle.py",
        "subprocess.py",
        "tarfile.py",
        "typing.py",
    )
]

# A function with `#` for a number.
_FUNCTIONS = {
    "python": """\
def take#(items, most):
    if most > #:
        return items[:most]
    return [item for item in items]

""",
    "typescript": """\
function take#(items: number[], most: number): number[] {
  if (most > #) {
    return items.slice(0, most);
  }
  return [...items];
}

""",
    "javascript": """\
function take#(items, most) {
  if (most > #) {
    return items.slice(0, most);
  }
  return [...items];
}

""",
    "rust": """\
fn take#(items: &[u8], most: usize) -> usize {
    if most > # {
        return items[most] as usize;
    }
    items.len()
}

""",
    "go": """\
func take#(items []int, most int) []int {
	if most > # {
		return items[:most]
	}
	return items
}

""",
    "java": """\
int take#(int[] items, int most) {
    if (most > #) {
        return items[most];
    }
    return items.length;
}

""",
    "c": """\
int take#(int *items, int most) {
  if (most > #) {
    return items[most];
  }
  return items[0];
}

""",
}
_FUNCTIONS["cpp"] = _FUNCTIONS["c"]
_TYPES = {
    "python": ("class Inventory:\n", ""),
    "typescript": ("class Inventory {\n", "}\n"),
    "javascript": ("class Inventory {\n", "}\n"),
    "rust": ("impl Inventory {\n", "}\n"),
    "go": ("var inventory = []func(){\n", "}\n"),
    "java": ("class Inventory {\n", "}\n"),
    "c": ("#ifndef INVENTORY\n", "#endif\n"),
    "cpp": ("class Inventory {\n", "};\n"),
}


def repeated(language: str, characters: int) -> str:
    """Return functions of a language, about so many characters of them."""
    function = _FUNCTIONS[language]
    return "".join(function.replace("#", str(number)) for number in range(characters // len(function) + 1))


def members(language: str, characters: int) -> str:
    """Return one type with as many members."""
    opening, closing = _TYPES[language]
    body = repeated(language, characters)
    if language == "go":
        body = "".join(f"\tfunc() {{\n\t\trun({number})\n\t}},\n" for number in range(characters // 30))
    body = body.replace("function ", "") if language in {"typescript", "javascript"} else body
    return (
        opening + "".join(f"    {line}" if line.strip() else line for line in body.splitlines(keepends=True)) + closing
    )
