"""Generate the settings tables of the README and of ``docs/settings.md`` from the settings.

With ``--check``, only check that they are up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from infill_completion.settings import documentation
from infill_completion.settings_schema import Setting, ValueType

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "settings.md"
BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"
TYPE_NAMES = {
    ValueType.STRING: "text",
    ValueType.INTEGER: "whole number",
    ValueType.NUMBER: "number",
    ValueType.BOOLEAN: "`true` or `false`",
    ValueType.STRINGS: "list of texts",
    ValueType.SWITCHES: "table of `true` and `false`",
}


def _default(row: Setting) -> str:
    if row.default is None:
        return "unset"
    if isinstance(row.default, bool):
        return "`true`" if row.default else "`false`"
    if isinstance(row.default, tuple):
        return "secrets and keys"
    if isinstance(row.default, dict):
        return "all on"
    return f"`{row.default:g}`" if isinstance(row.default, float) else f"`{row.default}`"


def table() -> str:
    """Return the README's table in Markdown, one row per setting."""
    rows = [f"| `{row.key}` | {_default(row)} | {row.doc} |" for row in documentation()]
    return "\n".join([BEGIN, "| setting | default | what it does |", "| --- | --- | --- |", *rows, END])


def values(row: Setting) -> str:
    """Return a description of the values that a setting accepts."""
    if row.choices:
        return ", ".join(f"`{choice}`" for choice in row.choices)
    return " ".join([TYPE_NAMES[row.type], *_limits(row)])


def _limits(row: Setting) -> list[str]:
    if row.at_least is None:
        return []
    most = "" if row.at_most is None else f" to {_number(row.at_most)}"
    return [f"{_number(row.at_least)}{most}" if most else f"from {_number(row.at_least)}"]


def _number(value: float) -> str:
    """Return a number with all of its digits: ``31536000``, not ``3.1536e+07``."""
    return f"{value:.0f}" if value == int(value) else f"{value:g}"


def sections() -> str:
    """Return one Markdown table per section of the settings, with accepted values and complete defaults."""
    parts: dict[str, list[str]] = {}
    for row in documentation():
        mark = " **Yours.**" if row.trusted else ""
        rows = parts.setdefault(row.section_title, [])
        rows.append(f"| `{row.key}` | {_default(row)} | {values(row)} | {row.doc}{mark} |")
    head = "| setting | default | takes | what it does |\n| --- | --- | --- | --- |"
    made = [f"### {title}\n\n{head}\n" + "\n".join(rows) for title, rows in parts.items()]
    lists = [row for row in documentation() if isinstance(row.default, tuple)]
    shown = [f"`{row.key}` is {', '.join(f'`{item}`' for item in row.default)} where you set nothing." for row in lists]
    return "\n\n".join([BEGIN, *made, *shown, END])


def current(text: str, make: Callable[[], str] = table) -> str:
    """Return ``text`` with the output of ``make`` between the two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + make() + after


def stale() -> dict[Path, str]:
    """Return the files that are out of date, with their correct text."""
    wanted = {README: table, PAGE: sections}
    texts = {path: (path.read_text(encoding="utf-8"), make) for path, make in wanted.items()}
    return {path: current(text, make) for path, (text, make) in texts.items() if current(text, make) != text}


def main() -> int:
    """Write the tables; with ``--check``, return 1 if one is out of date."""
    old = stale()
    if "--check" in sys.argv:
        for path in old:
            print(f"The settings table of {path.relative_to(ROOT)} is out of date; run `make fmt`.", file=sys.stderr)
        return int(bool(old))
    for path, text in old.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
