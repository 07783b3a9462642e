"""Where a missing import goes, and how it is written there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from infill_completion.document.lines import line_end, line_ending_of, line_start
from infill_completion.edits.imports.import_head import ImportHead
from infill_completion.edits.imports.import_table import ImportTable, ImportWay
from infill_completion.edits.imports.lists import added_to_list
from infill_completion.edits.imports.modules import resolved
from infill_completion.edits.imports.reading.file_imports import list_style, statements_of
from infill_completion.edits.imports.reading.masked import masked
from infill_completion.edits.imports.reading.statement import ImportedName, ImportStatement, ends_its_line
from infill_completion.edits.imports.writing import ImportStyle, statement_text
from infill_completion.edits.proposal import Place

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

# What may stand between imports of the head of a file.
_BETWEEN = re.compile(
    r"(?>\s++|[;)]|import\b[^\n]*|(?:pub(?:\([^()\n]*\))?\s+)?(?:mod|use|extern\s+crate)\s[^;{]*;|#!?\[[^\n]*\])*+"
)


# Comments about a file, whatever is below them.
_OF_FILE = re.compile(r"#!|#.*coding|// *@ts-check|/// *<|/\* *(?:global|eslint)")


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
        return _below(text, package, f"{ending}{ending}{written}") if package is not None else None
    if family == "rust":
        return _first_use(tree, text, written)
    return _above_code(text, nodes, family, written) if nodes else None


def _above_code(text: str, nodes: Sequence[Node], family: str, written: str) -> Place | None:
    """Return the first import of a file of Python or JavaScript."""
    ending = line_ending_of(text)
    if family == "python" and _is_docstring(nodes[0]):
        at = line_end(text, nodes[0].end_byte)
        if at == len(text) or (len(nodes) > 1 and nodes[1].start_byte < at):
            return None
        at += 2 if text.startswith("\r\n", at) else 1
        return at, at, f"{written}{ending}"
    above = list(takewhile(_is_above_all, nodes)) if family == "script" else []
    if above:
        gap = ending if above[-1].type == "hash_bang_line" else ending * 2
        return _below(text, above[-1], f"{gap}{written}")
    at = nodes[0].start_byte
    is_free = at == line_start(text, at) and not _is_described(text, nodes[0])
    return (at, at, f"{written}{ending}") if is_free else None


def _below(text: str, node: Node, written: str) -> Place | None:
    """Return the insertion of lines below a node; None if something else goes on behind it."""
    end = node.end_byte - (text[node.end_byte - 1] == "\r")
    at = line_end(text, end)
    return (at, at, written) if at < len(text) and ends_its_line(text, end) else None


def _is_above_all(node: Node) -> bool:
    """Return whether a node of JavaScript has to stay above imports: ``#!``, or ``'use client'``."""
    inner = node.named_child(0) if node.type == "expression_statement" else None
    return node.type == "hash_bang_line" or (inner is not None and inner.type == "string")


def _is_described(text: str, node: Node) -> bool:
    """Return whether a comment is right above a node, and may be about it."""
    above = node.prev_sibling
    if above is None or "comment" not in above.type:
        return False
    is_next = text.count("\n", above.end_byte, node.start_byte) < 2
    return is_next and _OF_FILE.match(text, above.start_byte) is None


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
