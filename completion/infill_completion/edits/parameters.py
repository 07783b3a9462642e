"""Changed parameters of a function, and the calls of it in the same document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from infill_completion.edits.by_example.examples import Example
from infill_completion.edits.calls import own_calls
from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.proposal import Place
from infill_completion.edits.tokens import Lexeme, LexemeKind, partners
from infill_completion.edits.words import BEFORE_CALLS, KEYWORDS, SELVES

_KEYWORDS = frozenset({"def", "function", "func", "fn", "fun"})
_LAST_IS_NAME = frozenset({"c", "cpp", "cuda-cpp", "java"})
_DOTS = frozenset({".", "->", "?."})
# Where a declaration cannot be taken for a call, and a method is never called by its bare name.
_TOLD_BY_TREE = frozenset({"python", "javascript", "javascriptreact", "typescript", "typescriptreact", "go", "rust"})
_ASSIGNMENTS = frozenset({"=", ":=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "++", "--"})
_ACTIONS = frozenset({"(", "await", "yield", "new"})
_NO_PARAMETERS = frozenset({"*", "/", "void", "..."})


@dataclass(frozen=True)
class Signature:
    """A function and its parameters, without the one for the object itself.

    Attributes:
        name: The function.
        parameters: The names of its parameters.
        is_method: Whether it is called by way of an object.
    """

    name: str
    parameters: tuple[str, ...]
    is_method: bool


def changed_signature(example: Example, language_id: str) -> tuple[Signature, Signature] | None:
    """Return the signatures before and after a change of a function's parameters; None if it is something else."""
    old = signature_of(example.before, language_id)
    new = signature_of(example.after, language_id) if old is not None else None
    if old is None or new is None or old.name != new.name or old.parameters == new.parameters:
        return None
    return (old, new) if len(set(old.parameters)) == len(old.parameters) else None


def is_called(name: str, text: str) -> bool:
    """Return whether a function may be called somewhere, besides being defined; spares reading the whole document."""
    return len(re.findall(rf"(?<![\w$]){re.escape(name)}\s*\(", text)) > 1


def changed_calls(signatures: tuple[Signature, Signature], document: EditedDocument) -> list[Place]:
    """Return what the calls of a function become whose parameters the user has removed, reordered or renamed.

    What a new parameter is to be given is not known, so that nothing follows from one.

    Args:
        signatures: The signatures before and after the change.
        document: The document.
    """
    old, new = signatures
    text, tokens = document.request.text, document.tokens
    pairs = partners(tokens)
    named = [
        index for index in range(len(tokens) - 1) if tokens[index].text == old.name and tokens[index + 1].text == "("
    ]
    calls = [index for index in named if not _is_definition(tokens, index, pairs)]
    own = _own_brackets(old, document)
    if len(named) - len(calls) > 1 or (own is None and old.is_method):
        return []
    found: list[Place] = []
    for index in calls:
        is_own = own is None or tokens[index + 1].start in own
        if is_own and index + 1 in pairs and (tokens[index - 1].text in _DOTS) == old.is_method:
            found += _changed(old, new, _parts(tokens, index + 1, pairs), text, tokens)
    return found


def _own_brackets(signature: Signature, document: EditedDocument) -> set[int] | None:
    """Return where the arguments of calls begin that surely are of the function; None if the tree does not tell."""
    language_id = document.request.language_id
    if document.tree is None or language_id not in _TOLD_BY_TREE:
        return None
    calls = own_calls(document.tree, document.request.text, signature.name, language_id)
    arguments = [call.child_by_field_name("arguments") for call in calls]
    return {node.start_byte for node in arguments if node is not None}


def signature_of(tokens: Sequence[Lexeme], language_id: str) -> Signature | None:
    """Return the signature that tokens begin with, after modifiers and types; None if they are no definition."""
    pairs = partners(tokens)
    for index in range(1, len(tokens) - 1):
        if tokens[index + 1].text != "(" or index + 1 not in pairs or not _is_definition(tokens, index, pairs):
            continue
        parts = _parts(tokens, index + 1, pairs)
        names = [_name_of(tokens[start:end], language_id) for start, end in parts]
        if None in names:
            return None
        known = [name for name in names if name is not None]
        is_method = known[:1] != [] and known[0] in SELVES
        if (
            any("*" in [token.text for token in tokens[start : start + 1]] for start, _ in parts)
            and language_id == "python"
        ):
            return None  # What is behind it is given by name or in any number.
        return Signature(tokens[index].text, tuple(known[is_method:]), is_method)
    return None


def _is_definition(tokens: Sequence[Lexeme], index: int, pairs: dict[int, int]) -> bool:
    """Return whether the name at ``index`` is defined there: after a keyword, or after a type and before a body."""
    before = tokens[index - 1] if index else None
    if before is None or tokens[index].kind is not LexemeKind.NAME or tokens[index].text in KEYWORDS:
        return False
    if before.text in _KEYWORDS or (
        before.text == ")" and index > 1 and tokens[pairs.get(index - 1, 0) - 1].text == "func"
    ):
        return True
    closer = pairs.get(index + 1, len(tokens))
    has_body = closer + 1 < len(tokens) and tokens[closer + 1].text in {"{", "throws"}
    is_typed = before.kind is LexemeKind.NAME and before.text not in BEFORE_CALLS
    return has_body and (is_typed or before.text in {"*", "&", ">", "]"})


def _parts(tokens: Sequence[Lexeme], opener: int, pairs: dict[int, int]) -> list[tuple[int, int]]:
    """Return the parts between commas in a pair of brackets."""
    closer, at, start = pairs[opener], opener + 1, opener + 1
    found = []
    depth = 0
    while at < closer:
        text = tokens[at].text
        depth += (text == "<") - (text == ">")
        if text == "," and depth <= 0:
            found.append((start, at))
            start = at + 1
        at = pairs[at] + 1 if pairs.get(at, -1) > at else at + 1
    if start < closer:
        found.append((start, closer))
    return found


def _name_of(tokens: Sequence[Lexeme], language_id: str) -> str | None:
    names = [
        token.text for token in tokens if token.kind is LexemeKind.NAME and token.text not in {"mut", "const", "final"}
    ]
    if not names or tokens[0].text in _NO_PARAMETERS - {"*"}:
        return None
    return names[-1] if language_id in _LAST_IS_NAME else names[0]


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
