"""Imports of names that the user has just used, as the other open files import them."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

from infill_completion.document.lines import line_end, line_ending_of, line_start
from infill_completion.edits.history import Lines
from infill_completion.edits.names.builtin_names import is_known
from infill_completion.edits.names.occurrences import occurrences
from infill_completion.edits.names.rules import rules_of
from infill_completion.edits.proposal import Place
from infill_completion.edits.tokens import LexemeKind, tokens_of
from infill_completion.edits.words import KEYWORDS

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

# An import on one line; the text has its own line ends.
_LINE = re.compile(r"^(?:import [\w.]+(?: as \w+)?|from [\w.]+ import [^\n\r(#*;\\]+)(?=\r?$)", re.MULTILINE)
_MAX_NAMES = 20


def missing_imports(lines: tuple[Lines, Lines], tree: Tree, text: str, others: Sequence[str]) -> list[Place]:
    """Return the import of a Python name that is used in a hunk and bound nowhere.

    Only absolute imports are copied from other files, and only if all of those that have the name import it in one way.

    Args:
        lines: The changed lines before and after.
        tree: The tree of the text.
        text: The document.
        others: The texts of other Python files.
    """
    rules = rules_of("python")
    used = _used("".join(lines[1])) - _used("".join(lines[0]))
    if rules is None or not others or not 0 < len(used) <= _MAX_NAMES or "import *" in text:
        return []
    for name in sorted(used):
        ways = {line for other in others if name in other for line in _imports_of(other, name)}
        if len(ways) != 1:
            continue
        here = occurrences(tree, text, name, rules)
        is_bound = any(found.is_binding or found.is_imported for found in here)
        if here and not is_bound and not all(found.receiver or found.is_label for found in here):
            at = _place(tree, text, rules.imports)
            return [] if at is None else [(at, at, f"{ways.pop()}{line_ending_of(text)}")]
    return []


def _used(code: str) -> set[str]:
    """Return the names in a piece of code that are no members, keywords or built in."""
    tokens = tokens_of(code, "python")
    return {
        token.text
        for index, token in enumerate(tokens)
        if token.kind is LexemeKind.NAME
        and token.text not in KEYWORDS
        and not is_known("python", token.text, code)
        and (index == 0 or tokens[index - 1].text != ".")
    }


def _imports_of(text: str, name: str) -> set[str]:
    """Return the import of ``name`` alone as a file writes it; empty if it does not import it, or relatively."""
    found = set()
    for match in _LINE.finditer(text):
        line = match.group()
        if name not in line or line.startswith("from .") or not _is_code(text, match):
            continue
        if line.startswith("import"):
            bound = line.rpartition(" ")[2].partition(".")[0]
            found |= {line} if bound == name else set()
            continue
        module, _, names = line.partition(" import ")
        for part in names.split(","):
            if part.strip().rpartition(" ")[2] == name:
                found.add(f"{module} import {part.strip()}")
    return found


def _is_code(text: str, match: re.Match[str]) -> bool:
    """Return whether a line that looks like an import is one, and no line of a string."""
    return any(token.start == match.start() for token in tokens_of(text, "python", 0, match.end()))


def _place(tree: Tree, text: str, imports: Container[str]) -> int | None:
    """Return where an import goes: after those at the beginning, else after the docstring, else before the code.

    None if other code is on the same line.
    """
    statements = [child for child in tree.root_node.children if child.type != "comment"]
    head = 1 if statements and _is_docstring(statements[0]) else 0
    while head < len(statements) and statements[head].type in imports:
        head += 1
    if head == 0:
        at = statements[0].start_byte if statements else len(text)
        return at if at == line_start(text, at) else None
    end = statements[head - 1].end_byte
    at = line_end(text, end)
    if at == len(text) or (head < len(statements) and statements[head].start_byte < at):
        return None
    return at + (2 if text.startswith("\r\n", at) else 1)


def _is_docstring(statement: Node) -> bool:
    first = statement.named_child(0)
    return statement.type == "expression_statement" and first is not None and first.type.endswith("string")
