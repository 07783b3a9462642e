"""Syntax errors that a suggestion brings into the text around it, or removes from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from infill_completion.document.window import Excerpt, Window
from infill_completion.languages.brackets import PAIRS, brackets, open_brackets, unopened
from infill_completion.languages.registry import grammar_of, traits_of
from infill_completion.languages.syntax.excerpt import cut_excerpt
from infill_completion.languages.syntax.near import excerpt_of
from infill_completion.languages.syntax.parser import has_grammar, parse, to_ascii
from infill_completion.languages.traits import Blocks, LanguageTraits

if TYPE_CHECKING:
    from tree_sitter import Node

_CLOSER_OF = {opener: closer for closer, opener in PAIRS.items()}
# A name, which completes most half-written expressions, and statements in every language that has a grammar here.
_NAME = "x"
_STATEMENTS = ("x();", "x", "x,")
# Characters before and after the cursor in the parts in which a suggestion is tried.
_PARTS = ((1500, 500), (300, 150))


def added_errors(window: Window, text: str, replaced: int, language_id: str) -> int | None:
    """Return how many syntax errors a suggestion adds to the text around it; negative if it removes some.

    Args:
        window: The text around the cursor.
        text: The suggestion.
        replaced: How many characters right of the cursor it replaces.
        language_id: LSP's language id.

    Returns:
        The difference; None if unknown.
    """
    around = _around(window, replaced, language_id)
    if around is None:
        return None
    without = _errors(around.before + around.after, language_id)
    with_text = _errors(around.before + text + around.after, language_id)
    return None if without is None or with_text is None else with_text - without


def breaks_syntax(window: Window, text: str, replaced: int, language_id: str) -> bool:
    """Return whether a suggestion brings a syntax error; False if unknown.

    Where the text around it has errors already, a parser may recover from them in one way with the suggestion and in
    another without it. Then the suggestion is also tried in smaller parts of that text: the largest one without errors
    decides, or else all of them must agree.
    """
    around = _around(window, replaced, language_id)
    if around is None or not _breaks(around, text, language_id):
        return False
    if not _errors(_without_line(around), language_id):
        return not (_hides_errors(around, language_id) and unopened(text, traits_of(language_id)))
    if _may_close(around, text, traits_of(language_id)):
        return False
    parts = _parts(around, language_id)
    clean = next((part for part in parts if _errors(_without_line(part), language_id) == 0), None)
    return all(_breaks(part, text, language_id) for part in (parts if clean is None else (clean,)))


def is_unfinished(window: Window, text: str, replaced: int, language_id: str) -> bool:
    """Return whether the errors that a suggestion brings would be gone if its last line were completed simply."""
    around = _around(window, replaced, language_id)
    if around is None:
        return True
    parts = (around, *_parts(around, language_id))
    part = next((part for part in reversed(parts) if _breaks(part, text, language_id)), around)
    line = (part.before + text).rpartition("\n")[2]
    return any(not _breaks(part, text + ending, language_id) for ending in _endings(line, language_id))


def _around(window: Window, replaced: int, language_id: str) -> Excerpt | None:
    excerpt = excerpt_of(window) if has_grammar(language_id) else None
    return None if excerpt is None else excerpt.with_text("", replaced)


@lru_cache(maxsize=4)
def _parts(around: Excerpt, language_id: str) -> tuple[Excerpt, ...]:
    """Return smaller parts of the text around the cursor, the largest first."""
    grammar, text = grammar_of(language_id), around.before + around.after
    tree = parse(to_ascii(text), language_id)
    if grammar is None or tree is None:
        return ()
    cursor = len(around.before)
    cut = (cut_excerpt(tree.root_node, text, cursor, grammar.lists, before, after) for before, after in _PARTS)
    return tuple(part for part in cut if part is not None and part != around)


def _may_close(around: Excerpt, text: str, traits: LanguageTraits) -> bool:
    """Return whether ``text`` closes blocks around the cursor that may not be closed yet."""
    count = sum(bracket == "}" for _, bracket in unopened(text, traits))
    found = Counter(bracket for _, bracket in brackets(around.before + around.after, traits))
    return count > 0 and (around.hides_errors or found["{"] - found["}"] >= count)


def _hides_errors(around: Excerpt, language_id: str) -> bool:
    """Return whether the errors around the cursor are all outside the excerpt."""
    return around.hides_errors and _errors(around.before + around.after, language_id) == 0


def _breaks(around: Excerpt, text: str, language_id: str) -> bool:
    """Return whether ``text`` brings a syntax error into ``around``.

    The cursor's line is mostly half-written, and that is an error already. So the errors with the suggestion are
    compared with those without that line, and with those if the line is completed in some other way. A suggestion
    breaks the syntax if it leaves more errors than both. It also does if it stands before a rest of the line and leaves
    more errors than the line has as it is: without its head, a block is an error of its own.
    """
    errors = _errors(around.before + text + around.after, language_id)
    if not errors:
        return False
    if around.after.partition("\n")[0].strip():
        as_it_is = _errors(around.before + around.after, language_id)
        if as_it_is is not None and as_it_is < errors:
            return True
    without_line = _errors(_without_line(around), language_id)
    if without_line is None or errors <= without_line:
        return False
    line = around.before[around.before.rfind("\n") + 1 :]
    others = _endings(line, language_id) if line.strip() else _STATEMENTS if without_line else ("",)
    found = (_errors(around.before + other + around.after, language_id) for other in others)
    return any(other is not None and other < errors for other in found)


def _without_line(around: Excerpt) -> str:
    """Return the text without the cursor's line, unless nothing has been written on it before the cursor."""
    start, end = around.before.rfind("\n") + 1, around.after.find("\n")
    if not around.before[start:].strip():
        return around.before + around.after
    return around.before[:start] + (around.after[end:] if end >= 0 else "")


def _endings(line: str, language_id: str) -> Iterator[str]:
    """Yield the simplest texts that may complete a half-written ``line``."""
    traits = traits_of(language_id)
    quote = next((quote for quote in "\"'`" if line.count(quote) % 2), "")
    closers = quote + "".join(_CLOSER_OF[opener] for opener in reversed(open_brackets(line + quote, traits)))
    is_braced = traits.blocks is Blocks.BRACES
    ends = ["", ",", ";" if is_braced else ":"]
    if not unopened(line, traits):  # A superfluous closing bracket would get an opening one.
        ends += ["(", " {", " {}"] if is_braced else ["("]
    for end in ends:
        yield closers + end
        yield _NAME + closers + end


@lru_cache(maxsize=64)
def _errors(source: str, language_id: str) -> int | None:
    tree = parse(source.encode("utf-8", "replace"), language_id)
    return None if tree is None else _count(tree.root_node)


def _count(root: Node) -> int:
    found, waiting = 0, [root]
    while waiting:
        node = waiting.pop()
        if node.has_error:
            found += node.is_error or node.is_missing
            waiting += node.children
    return found
