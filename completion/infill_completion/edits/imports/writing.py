"""How an import statement is written, in the manner of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infill_completion.edits.imports.reading.statement import DEFAULT, NAMESPACE, WHOLE, ImportedName, ImportStatement


@dataclass(frozen=True)
class ImportStyle:
    """How a file writes imports.

    Attributes:
        quote: The quotation mark of JavaScript.
        end: What ends a statement of JavaScript.
        blanks: What is between the braces and the names of JavaScript.
        is_in_block: Go: whether imports are lines of a block.
    """

    quote: str = "'"
    end: str = ";"
    blanks: str = " "
    is_in_block: bool = False

    @classmethod
    def of(cls, text: str, head: Sequence[ImportStatement], family: str) -> ImportStyle:
        """Return the style of a file's imports."""
        if family == "go":
            return cls(is_in_block=bool(head) and not text[head[0].start : head[0].end].startswith("import"))
        if family != "script":
            return cls()
        lines = [text[one.start : one.end] for one in head]
        quote = "'" if sum("'" in line for line in lines) * 2 > len(lines) else '"'
        end = ";" if sum(line.endswith(";") for line in lines) * 2 >= len(lines) else ""
        if not lines:
            quote, end = _of_code(text)
        blanks = "" if any("{" in line for line in lines) and not any("{ " in line for line in lines) else " "
        if any("{\n" in line or "{\r" in line for line in lines):
            blanks = " "
        return cls(quote, end, blanks)


def _of_code(text: str) -> tuple[str, str]:
    """Return the quotation mark and the end of a statement in code without imports."""
    lines = text.split("\n")
    ended = sum(line.rstrip().endswith(";") for line in lines)
    return "'" if text.count("'") >= text.count('"') else '"', ";" if ended else ""


def statement_text(name: ImportedName, family: str, style: ImportStyle) -> str:
    """Return the statement that imports a name, without a line end."""
    if family == "script":
        return _script(name, style)
    if family == "python":
        renamed = f" as {name.name}" if name.is_renamed else ""
        if name.member == WHOLE:
            return f"import {name.module}{renamed}"
        return f"from {name.module} import {name.member}{renamed}"
    if family == "go":
        path = f'{name.name} "{name.module}"' if name.is_renamed else f'"{name.module}"'
        return f"\t{path}" if style.is_in_block else f"import {path}"
    if family == "java":
        return f"import {'static ' if name.is_static else ''}{name.module}.{name.member};"
    return f"use {name.module}::{name.member}{f' as {name.name}' if name.is_renamed else ''};"


def member_text(name: ImportedName, family: str) -> str:
    """Return how a name stands in a list."""
    between = " as "
    return f"{name.member}{between}{name.name}" if name.is_renamed else name.member


def _script(name: ImportedName, style: ImportStyle) -> str:
    if name.member == NAMESPACE:
        clause = f"* as {name.name}"
    elif name.member == DEFAULT and not name.is_renamed:
        clause = name.name
    else:
        clause = f"{{{style.blanks}{member_text(name, 'script')}{style.blanks}}}"
    kind = "type " if name.is_type else ""
    return f"import {kind}{clause} from {style.quote}{name.module}{style.quote}{style.end}"
