"""Changed parameters of a function, and the calls of it in the same document."""

from __future__ import annotations

import re
from collections.abc import Sequence

from infill_completion.edits.calls import own_calls
from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.proposal import Place
from infill_completion.edits.signatures import ChangedSignature, Signature, is_definition, parts_of
from infill_completion.edits.tokens import DOTS, Lexeme, LexemeKind, partners

# Where a declaration cannot be taken for a call, and a method is never called by its bare name.
_TOLD_BY_TREE = frozenset({"python", "javascript", "javascriptreact", "typescript", "typescriptreact", "go", "rust"})
_ASSIGNMENTS = frozenset({"=", ":=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "++", "--"})
_ACTIONS = frozenset({"(", "await", "yield", "new"})


def is_called(changed: ChangedSignature, text: str) -> bool:
    """Return whether a function may be called somewhere, besides being defined; spares reading the whole document."""
    found = re.finditer(rf"(?<![\w$]){re.escape(changed.old.name)}\s*\(", text)
    return sum(match.end() - 1 != changed.at for match in found) > (changed.at is None)


def changed_calls(changed: ChangedSignature, document: EditedDocument) -> list[Place]:
    """Return what the calls of a function become whose parameters the user has removed, reordered or renamed.

    What a new parameter is to be given is not known, so that nothing follows from one.

    Args:
        changed: The signature before and after the change.
        document: The document.
    """
    old, tokens = changed.old, document.tokens
    pairs = partners(tokens)
    named = [
        index
        for index in range(len(tokens) - 1)
        if tokens[index].text == old.name and tokens[index + 1].text == "(" and tokens[index + 1].start != changed.at
    ]
    calls = [index for index in named if not is_definition(tokens, index, pairs)]
    own = _own_brackets(old, document)
    if len(named) - len(calls) > (changed.at is None) or (own is None and old.is_method):
        return []
    found: list[Place] = []
    for index in calls:
        is_own = _is_bare(tokens, index) if own is None else tokens[index + 1].start in own
        if is_own and index + 1 in pairs:
            found += _changed(old, changed.new, parts_of(tokens, index + 1, pairs), document.request.text, tokens)
    return found


def _is_bare(tokens: Sequence[Lexeme], index: int) -> bool:
    """Return whether a function is called by its name alone or by way of ``this``."""
    return tokens[index - 1].text not in DOTS or tokens[index - 2].text == "this"


def _own_brackets(signature: Signature, document: EditedDocument) -> set[int] | None:
    """Return where the arguments of calls begin that surely are of the function; None if the tree does not tell."""
    language_id = document.request.language_id
    if document.tree is None or language_id not in _TOLD_BY_TREE:
        return None
    calls = own_calls(document.tree, document.request.text, signature.name, language_id)
    arguments = [call.child_by_field_name("arguments") for call in calls]
    return {node.start_byte for node in arguments if node is not None}


def _changed(
    old: Signature, new: Signature, arguments: list[tuple[int, int]], text: str, tokens: Sequence[Lexeme]
) -> list[Place]:
    """Return what becomes of the arguments of one call."""
    keys = [_key(tokens[start:end]) for start, end in arguments]
    if any(tokens[start].text in {"*", "**", "..."} for start, _ in arguments):
        return []
    positional = sum(key is None for key in keys)
    names = [*old.parameters[:positional], *(key for key in keys if key is not None)]
    if positional > len(old.parameters) or len(names) != len(arguments):
        return []
    removed = [name for name in old.parameters if name not in new.parameters]
    added = [name for name in new.parameters if name not in old.parameters]
    if len(removed) == 1 and not added:
        return _without(removed[0], names, arguments, tokens)
    if len(removed) == len(added) == 1 and new.parameters == tuple(
        added[0] if name == removed[0] else name for name in old.parameters
    ):
        found = [start for (start, _), key in zip(arguments, keys, strict=True) if key == removed[0]]
        return [(tokens[start].start, tokens[start].end, added[0]) for start in found]
    if not removed and not added and positional == len(arguments) == len(old.parameters):
        given = dict(zip(names, arguments, strict=True))
        written = [given[name] for name in new.parameters]
        return _permuted(arguments, written, text, tokens)
    return []


def _permuted(
    arguments: list[tuple[int, int]], written: list[tuple[int, int]], text: str, tokens: Sequence[Lexeme]
) -> list[Place]:
    """Return one replacement of the arguments that change places; the text between them stays."""
    moved = [index for index, (to, of) in enumerate(zip(arguments, written, strict=True)) if to != of]
    if not moved:
        return []
    pieces = []
    for index in range(moved[0], moved[-1] + 1):
        start, end = written[index]
        pieces.append(text[tokens[start].start : tokens[end - 1].end])
        if index < moved[-1]:
            pieces.append(text[tokens[arguments[index][1] - 1].end : tokens[arguments[index + 1][0]].start])
    first, last = arguments[moved[0]][0], arguments[moved[-1]][1] - 1
    return [(tokens[first].start, tokens[last].end, "".join(pieces))]


def _without(removed: str, names: list[str], arguments: list[tuple[int, int]], tokens: Sequence[Lexeme]) -> list[Place]:
    """Return the removal of one argument with its comma."""
    if removed not in names:
        return []
    at = names.index(removed)
    start, end = arguments[at]
    value = tokens[start + 2 * (_key(tokens[start:end]) is not None) : end]
    if any(map(_may_act, value)):
        return []
    if at > 0:
        return [(tokens[arguments[at - 1][1] - 1].end, tokens[end - 1].end, "")]
    if len(arguments) > 1:
        return [(tokens[start].start, tokens[arguments[1][0]].start, "")]
    return [(tokens[start].start, tokens[end - 1].end, "")]


def _may_act(token: Lexeme) -> bool:
    """Return whether a token of an argument says that more may happen there than that a value is read."""
    has_code = token.kind is LexemeKind.STRING and "{" in token.text
    return has_code or token.text in _ASSIGNMENTS or token.text in _ACTIONS


def _key(tokens: Sequence[Lexeme]) -> str | None:
    """Return the name of a keyword argument; None if it is positional."""
    return tokens[0].text if len(tokens) > 2 and tokens[1].text == "=" and tokens[0].kind is LexemeKind.NAME else None
