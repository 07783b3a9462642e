"""Signatures of functions: the names of their parameters, before and after a change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.history import Hunk
from infill_completion.edits.names.heads import changed_head
from infill_completion.edits.tokens import Lexeme, LexemeKind, partners, tokens_of
from infill_completion.edits.words import BEFORE_CALLS, KEYWORDS, SELVES

_KEYWORDS = frozenset({"def", "function", "func", "fn", "fun"})
_LAST_IS_NAME = frozenset({"c", "cpp", "cuda-cpp", "java"})
_COLLECTORS = frozenset({"*", "**"})
_NO_PARAMETERS = frozenset({"*", "/", "void", "..."})


@dataclass(frozen=True)
class Signature:
    """A function and its parameters, without the one for the object itself.

    Attributes:
        name: The function, or the class that it makes an object of.
        parameters: The names of its parameters.
        is_method: Whether it is called by way of an object.
    """

    name: str
    parameters: tuple[str, ...]
    is_method: bool


@dataclass(frozen=True)
class ChangedSignature:
    """A signature that the user has changed.

    Attributes:
        old: What it was.
        new: What it is.
        at: Where the brackets around its parameters begin; None if that is not known.
    """

    old: Signature
    new: Signature
    at: int | None = None


def changed_signature(
    document: EditedDocument, hunk: Hunk, sides: tuple[Sequence[Lexeme], Sequence[Lexeme]]
) -> ChangedSignature | None:
    """Return what became of a function's parameters; None if the change is something else.

    Args:
        document: The document of the change.
        hunk: The change.
        sides: The tokens of the line before and after it, for what no tree tells.
    """
    language_id = document.request.language_id
    head = changed_head(document, hunk) if document.tree is not None else None
    if head is not None:
        old, new = (_of_head(head.name, text, language_id) for text in (head.before, head.after))
        at: int | None = head.start
    else:
        old = signature_of(sides[0], language_id)
        new = signature_of(sides[1], language_id) if old is not None else None
        at = None
    if old is None or new is None or old.name != new.name or old.parameters == new.parameters:
        return None
    if head is not None and head.is_maker:
        old, new = Signature(old.name, old.parameters, False), Signature(new.name, new.parameters, False)
    return ChangedSignature(old, new, at) if len(set(old.parameters)) == len(old.parameters) else None


def signature_of(tokens: Sequence[Lexeme], language_id: str) -> Signature | None:
    """Return the signature that tokens begin with, after modifiers and types; None if they are no definition."""
    pairs = partners(tokens)
    for index in range(1, len(tokens) - 1):
        if tokens[index + 1].text != "(" or index + 1 not in pairs or not is_definition(tokens, index, pairs):
            continue
        return _with_parameters(tokens[index].text, tokens, index + 1, pairs, language_id)
    return None


def is_definition(tokens: Sequence[Lexeme], index: int, pairs: dict[int, int]) -> bool:
    """Return whether the name at ``index`` is that of a function which is defined there, and not called.

    That is so after a keyword, or after a type and before a body. ``pairs`` are the partners of all brackets.
    """
    before = tokens[index - 1] if index else None
    if before is None or tokens[index].kind is not LexemeKind.NAME or tokens[index].text in KEYWORDS:
        return False
    if before.text in _KEYWORDS or (
        before.text == ")" and index > 1 and tokens[pairs.get(index - 1, 0) - 1].text == "func"
    ):
        return True
    closer = pairs.get(index + 1, len(tokens))
    has_body = closer + 1 < len(tokens) and tokens[closer + 1].text in {"{", "throws"}
    is_typed = before.kind is LexemeKind.NAME and (before.text == "void" or before.text not in BEFORE_CALLS)
    return has_body and (is_typed or before.text in {"*", "&", ">", "]"})


def parts_of(tokens: Sequence[Lexeme], opener: int, pairs: dict[int, int]) -> list[tuple[int, int]]:
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


def _with_parameters(
    name: str, tokens: Sequence[Lexeme], opener: int, pairs: dict[int, int], language_id: str
) -> Signature | None:
    """Return the signature with the parameters in the brackets at ``opener``; None if not all of them have names."""
    if opener not in pairs:
        return None
    parts = parts_of(tokens, opener, pairs)
    names = [_name_of(tokens[start:end], language_id) for start, end in parts]
    known = [name for name in names if name is not None]
    if len(known) < len(names):
        return None
    is_method = known[:1] != [] and known[0] in SELVES
    if language_id == "python" and any(tokens[start].text in _COLLECTORS for start, _ in parts):
        return None  # What is behind it is given by name or in any number, and may collect what others were given.
    return Signature(name, tuple(known[is_method:]), is_method)


def _of_head(name: str, brackets: str, language_id: str) -> Signature | None:
    """Return the signature of a function by its name and the brackets with its parameters."""
    tokens = tokens_of(brackets, language_id)
    return _with_parameters(name, tokens, 0, partners(tokens), language_id)
