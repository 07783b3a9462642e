"""A function that becomes asynchronous, and the calls that now have to wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infill_completion.edits.ancestors import ancestors
from infill_completion.edits.by_example.examples import Example
from infill_completion.edits.calls import definition_of, own_calls
from infill_completion.edits.proposal import Place

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

_LANGUAGES = frozenset({"python", "javascript", "javascriptreact", "typescript", "typescriptreact", "rust"})
_FUNCTIONS = frozenset(
    {
        "function_definition", "function_declaration", "function_expression", "arrow_function", "method_definition",
        "function_item", "lambda", "closure_expression",
    }
)  # fmt: skip
_MODIFIERS = frozenset({"def", "function", "fn", "pub", "static", "unsafe"})
# Around a call in one of these, its result is waited for already, or handed on as it is, or used before it is there.
_NOT_AWAITED = frozenset(
    {
        "await", "await_expression", "attribute", "member_expression", "field_expression", "subscript",
        "subscript_expression", "index_expression", "call", "call_expression", "argument_list", "arguments",
        "keyword_argument", "list", "tuple", "set", "dictionary", "pair", "array", "object", "array_expression",
        "tuple_expression", "expression_list", "list_comprehension", "set_comprehension", "dictionary_comprehension",
        "generator_expression", "decorator", "default_parameter", "typed_default_parameter", "assignment_pattern",
        "required_parameter", "optional_parameter", "with_item", "token_tree", "macro_invocation",
    }
)  # fmt: skip


def made_async(example: Example, language_id: str) -> str | None:
    """Return the name of the function to which the user has just added ``async``; None if it is another change."""
    if language_id not in _LANGUAGES or [token.text for token in example.new] != ["async"] or example.old:
        return None
    following = example.after[len(example.after) - example.same :]
    name = next((token.text for token in following if token.text not in _MODIFIERS), "")
    return name if name.isidentifier() else None


def calls_to_await(tree: Tree, text: str, name: str, language_id: str) -> list[Place]:
    """Return where ``await`` is missing: at calls of ``name`` in asynchronous functions.

    A call whose result goes straight into another call or a collection is left alone: that may be what waits for it.

    Args:
        tree: The tree of the text, with one byte for each character.
        text: The document.
        name: The function.
        language_id: LSP's language id.
    """
    definition = definition_of(tree, text, name)
    if definition is None or b"yield" in (definition.text or b""):
        return []  # What yields is iterated, not awaited.
    calls = [call for call in own_calls(tree, text, name, language_id) if _is_alone(call) and _is_in_async(call)]
    if language_id == "rust":
        return [(call.end_byte, call.end_byte, ".await") for call in calls]
    return [(call.start_byte, call.start_byte, "await ") for call in calls]


def _is_alone(call: Node) -> bool:
    """Return whether nothing but a statement or an operator has the result of a call."""
    for around in ancestors(call):
        if around.type in _FUNCTIONS or around.type.endswith(("statement", "block")):
            break
        if around.type in _NOT_AWAITED:
            return False
    return True


def _is_in_async(node: Node) -> bool:
    """Return whether the function around a node is asynchronous."""
    around = next((each for each in ancestors(node) if each.type in _FUNCTIONS), None)
    if around is None:
        return False
    modifiers = [child for child in around.children[:3] if child.type in {"async", "function_modifiers"}]
    return any(b"async" in (child.text or b"").split() for child in modifiers)
