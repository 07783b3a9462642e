"""Write the settings table of the README from the settings themselves, or check that it is current (``--check``)."""

from __future__ import annotations

import sys
from pathlib import Path

from infill_completion.settings import Documented, documentation

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"


def _default(row: Documented) -> str:
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
    """Return the table in Markdown, a row a setting."""
    rows = [f"| `{row.key}` | {_default(row)} | {row.doc} |" for row in documentation()]
    return "\n".join([BEGIN, "| setting | default | what it does |", "| --- | --- | --- |", *rows, END])


def current(text: str) -> str:
    """Return the README ``text`` with the table brought up to date."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + table() + after


def main() -> int:
    """Write, or with ``--check`` return 1 where the table is stale."""
    text = README.read_text(encoding="utf-8")
    if "--check" in sys.argv:
        stale = current(text) != text
        if stale:
            print("The settings table of README.md is stale; run `make fmt`.", file=sys.stderr)
        return int(stale)
    README.write_text(current(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
