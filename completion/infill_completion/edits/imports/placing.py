"""Where a missing import goes, and how it is written there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from infill_completion.document.lines import line_end, line_ending_of, line_start
from infill_completion.edits.imports.import_head import ImportHead
from infill_completion.edits.imports.import_table import ImportTable, ImportWay
from infill_completion.edits.imports.lists import added_to_list
from infill_completion.edits.imports.modules import resolved
from infill_completion.edits.imports.reading.file_imports import list_style, statements_of
from infill_completion.edits.imports.reading.masked import masked
from infill_completion.edits.imports.reading.statement import ImportedName, ImportStatement
from infill_completion.edits.imports.writing import ImportStyle, statement_text
from infill_completion.edits.proposal import Place

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

# What may stand between imports of the head of a file.
_BETWEEN = re.compile(
    r"(?>\s++|[;)]|import\b[^\n]*|(?:pub(?:\([^()\n]*\))?\s+)?(?:mod|use|extern\s+crate)\s[^;{]*;|#!?\[[^\n]*\])*+"
)


def import_place(
    tree: Tree, text: str, table: ImportTable, path: str, way: ImportWay, *, is_type: bool
) -> Place | None:
    """Return the change that imports a name; None if it is not known where it would go.

    Args:
        tree: The tree of the text.
        text: The document.
        table: What the workspace's files import.
        path: The file, with slashes and one at the beginning.
        way: What to import.
        is_type: Whether only a type is imported.
    """
    name, family = replace(way.name, is_type=is_type), table.family
    head = _head(statements_of(text, family), masked(text, family))
    same = [one for one in head if _has_module(one, name, path, family)]
    inside = added_to_list(text, family, head, same, name, has_lists=_has_lists(head, table))
    if inside is not None:
        return inside
    style = ImportStyle.of(text, head, family)
    written = statement_text(name, family, style)
    if head:
        return ImportHead(text, table, head).place(name, written)
    return _without_others(tree, text, family, written)


def _has_lists(head: Sequence[ImportStatement], table: ImportTable) -> bool:
    """Return whether a file imports several names of a module in one statement; the others tell if it does not."""
    lists, repeats = list_style(head)
    return lists > repeats if lists != repeats else table.has_lists


def _has_module(statement: ImportStatement, name: ImportedName, path: str, family: str) -> bool:
    wanted = resolved(name.module, path, family)
    if statement.base:
        return resolved(statement.base, path, family) == wanted
    return bool(statement.names) and all(resolved(one.module, path, family) == wanted for one in statement.names)


def _head(statements: Sequence[ImportStatement], code: str) -> list[ImportStatement]:
    """Return the imports of the head: those at the top of which nothing but other imports is between."""
    found: list[ImportStatement] = []
    for statement in statements:
        if not statement.is_top:
            continue
        if found and not _BETWEEN.fullmatch(code, found[-1].end, statement.start):
            break
        found.append(statement)
    return found


def _without_others(tree: Tree, text: str, family: str, written: str) -> Place | None:
    """Return the first import of a file."""
    ending = line_ending_of(text)
    nodes = [child for child in tree.root_node.children if "comment" not in child.type]
    if family in {"java", "go"}:
        package = next((child for child in nodes if child.type in {"package_declaration", "package_clause"}), None)
        at = line_end(text, package.end_byte) if package is not None else len(text)
        if package is None or at == len(text):
            return None
        return at, at, f"{ending}{ending}{written}"
    if family == "rust":
        return _first_use(tree, text, written)
    if not nodes:
        return None
    if family == "python" and _is_docstring(nodes[0]):
        at = line_end(text, nodes[0].end_byte)
        if at == len(text) or (len(nodes) > 1 and nodes[1].start_byte < at):
            return None
        at += 2 if text.startswith("\r\n", at) else 1
    else:
        at = nodes[0].start_byte
    return (at, at, f"{written}{ending}") if at == line_start(text, at) else None


def _first_use(tree: Tree, text: str, written: str) -> Place | None:
    """Return the first import of a Rust file: below what is said of the file itself, and above all else."""
    ending, at = line_ending_of(text), 0
    for node in tree.root_node.children:
        if node.type != "inner_attribute_item" and not text.startswith(("//!", "/*!"), node.start_byte):
            if "comment" in node.type and not text.startswith(("///", "/**"), node.start_byte):
                return None  # It may be about the file or about what follows.
            break
        at = node.end_byte
    if at == 0:
        return 0, 0, f"{written}{ending}{ending}"
    at = at if at == line_start(text, at) else line_end(text, at)
    if at == line_start(text, at):
        return at, at, f"{ending}{written}{ending}"
    return at, at, f"{ending}{ending}{written}"


def _is_docstring(statement: Node) -> bool:
    first = statement.named_child(0)
    return statement.type == "expression_statement" and first is not None and first.type.endswith("string")
