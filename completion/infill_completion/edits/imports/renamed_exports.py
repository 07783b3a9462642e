"""A name that another document defines and has renamed: where this one imports it, or knows it as the same package."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.imports.modules import resolved, without_ending
from infill_completion.edits.imports.reading.file_imports import statements_of
from infill_completion.edits.imports.reading.statement import NAMESPACE, WHOLE
from infill_completion.edits.names.imported import is_bound_by_import
from infill_completion.edits.names.kinds import MEMBERS
from infill_completion.edits.names.occurrences import Occurrence, occurrences
from infill_completion.edits.names.rules import NameRules, rules_of
from infill_completion.edits.proposal import Place
from infill_completion.languages.registry import context_module_of
from infill_completion.privacy.rules import path_of

if TYPE_CHECKING:
    from tree_sitter import Tree

_PACKAGE = re.compile(r"^package[ \t]+(\w+)", re.MULTILINE)


def is_defined_for_others(
    tree: Tree, text: str, names: tuple[str, str], changed: Sequence[tuple[int, int]], rules: NameRules
) -> bool:
    """Return whether a name has changed where a document defines it for others, and is not defined under the old one.

    Args:
        tree: The tree of that document, with one byte for each character.
        text: Its text.
        names: The old and the new name.
        changed: The offsets between which the user has changed it.
        rules: The rules of its language.
    """
    old, new = ([one for one in occurrences(tree, text, name, rules) if _is_top(one)] for name in names)
    return not old and any(start <= one.start < end for one in new for start, end in changed)


def places_elsewhere(document: EditedDocument, names: tuple[str, str], uri: str, text: str) -> list[Place]:
    """Return where a document names what another one has renamed.

    Args:
        document: The document, with a tree.
        names: The old and the new name.
        uri: The other document.
        text: Its text.
    """
    request, rules = document.request, rules_of(document.request.language_id)
    there, here = path_of(uri), path_of(request.uri)
    if document.tree is None or rules is None or there is None or here is None:
        return []
    left, fresh = (occurrences(document.tree, request.text, name, rules) for name in names)
    if fresh or any(one.is_binding for one in left):
        return []
    family = context_module_of(request.language_id)
    if family == "go":
        packages = [_PACKAGE.search(each) for each in (text, request.text)]
        is_same = there.parent == here.parent and len({found.group() for found in packages if found}) == 1
        found = _bare(left) if is_same and not any(one.is_imported for one in left) else []
    else:
        found = _imported(left, names[0], request.text, family, (there.as_posix(), here.as_posix()))
    return [(one.start, one.start + len(names[0]), names[1]) for one in found]


def _is_top(found: Occurrence) -> bool:
    return found.is_binding and found.scope.parent is None


def _bare(left: list[Occurrence]) -> list[Occurrence]:
    return [one for one in left if not (one.receiver or one.is_label) and one.node.type not in MEMBERS]


def _imported(left: list[Occurrence], old: str, text: str, family: str, paths: tuple[str, str]) -> list[Occurrence]:
    """Return the import of a name and its uses, or its uses by way of the module that is imported."""
    imported = [one for one in left if one.is_imported]
    found = list[Occurrence]()
    for name, module, member in _names(text, family):
        if member == old and _is_module(module, family, *paths):
            is_used = name == old and len(imported) == 1 and is_bound_by_import(imported[0])
            found += _bare(left) if is_used else imported if len(imported) == 1 else []
        elif member in {WHOLE, NAMESPACE} and _is_module(module, family, *paths):
            found += [one for one in left if one.receiver in {name, module}]
        elif family == "python" and _is_module(f"{module}.{member}".replace("..", "."), family, *paths):
            found += [one for one in left if one.receiver == name]
    return sorted({one.start: one for one in found}.values(), key=lambda one: one.start)


def _names(text: str, family: str) -> Iterator[tuple[str, str, str]]:
    for statement in statements_of(text, family):
        yield from ((one.name, one.module, one.member) for one in statement.names)


def _is_module(module: str, family: str, there: str, here: str) -> bool:
    """Return whether a module, as the file ``here`` writes it, is the file ``there``."""
    means = resolved(module, here, family)
    if family == "script":
        return means.startswith("/") and without_ending(means) == without_ending(there)
    if family != "python":
        return False
    stem = there.removesuffix(".py").removesuffix("/__init__")
    parts = tuple(part for part in means.replace("/", ".").split(".") if part)
    own = tuple(part for part in PurePosixPath(stem).parts if part != "/")
    if means.startswith("/"):
        return own == parts
    # A module without a package is that of the folder, if not of another one that Python knows.
    is_told = len(parts) > 1 or PurePosixPath(stem).parent == PurePosixPath(here).parent
    return is_told and own[-len(parts) :] == parts
