"""Syntax errors that a suggestion brings into the text around it, or removes from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from infill_completion.document.window import Excerpt, Window
from infill_completion.languages.brackets import PAIRS, brackets, open_brackets, unopened
from infill_completion.languages.registry import grammar_of, traits_of
from infill_completion.languages.syntax.excerpt import cut_excerpt
from infill_completion.languages.syntax.line_gap import LineGap, gap_between
from infill_completion.languages.syntax.near import excerpt_of
from infill_completion.languages.syntax.parser import has_grammar, parse, to_ascii
from infill_completion.languages.traits import Blocks, LanguageTraits

_CLOSER_OF = {opener: closer for closer, opener in PAIRS.items()}
# A name, which completes most half-written expressions, and statements in every language that has a grammar here.
_NAME = "x"
_STATEMENTS = ("x();", "x", "x,")
# Characters before and after the cursor in the parts in which a suggestion is tried.
_PARTS = ((1500, 500), (300, 150))


@dataclass(frozen=True)
class _Trial:
    """The text around a cursor in which suggestions are tried.

    Attributes:
        around: The text before and after the cursor.
        gap: The text around the cursor's line.
        line: The cursor's line up to the cursor.
        rest: The cursor's line after it.
        language_id: LSP's language id.
    """

    around: Excerpt
    gap: LineGap
    line: str
    rest: str
    language_id: str

    @classmethod
    def of(cls, around: Excerpt, language_id: str) -> _Trial:
        """Divide the text around a cursor at the edges of its line."""
        start, end = around.before.rfind("\n") + 1, around.after.find("\n")
        end = len(around.after) if end < 0 else end
        gap = gap_between(around.before[:start], around.after[end:], language_id)
        return cls(around, gap, around.before[start:], around.after[:end], language_id)

    def errors(self, text: str = "") -> int | None:
        """Return the number of errors with ``text`` at the cursor; None if unknown."""
        return self.gap.errors(self.line + text + self.rest)

    def errors_without_line(self) -> int | None:
        """Return the errors without the cursor's line, unless nothing has been written on it before the cursor."""
        return self.gap.errors("" if self.line.strip() else self.line + self.rest)


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
    trial = _trial(window, replaced, language_id)
    if trial is None:
        return None
    without, with_text = trial.errors(), trial.errors(text)
    return None if without is None or with_text is None else with_text - without


def breaks_syntax(window: Window, text: str, replaced: int, language_id: str) -> bool:
    """Return whether a suggestion brings a syntax error; False if unknown.

    Where the text around it has errors already, a parser may recover from them in one way with the suggestion and in
    another without it. Then the suggestion is also tried in smaller parts of that text: the largest one without errors
    decides, or else all of them must agree.
    """
    trial = _trial(window, replaced, language_id)
    if trial is None or not trial.errors(text):
        return False
    traits = traits_of(language_id)
    if not trial.errors_without_line():
        return _breaks(trial, text) and not (_hides_errors(trial) and unopened(text, traits))
    if _may_close(trial.around, text, traits):
        return False
    parts = _parts(trial)
    clean = next((part for part in parts if part.errors_without_line() == 0), None)
    # The smallest part comes first: the parser is slow where there are errors.
    tried = (*reversed(parts), trial) if clean is None else (clean, trial)
    return all(_breaks(part, text) for part in tried)


def is_unfinished(window: Window, text: str, replaced: int, language_id: str) -> bool:
    """Return whether the errors that a suggestion brings would be gone if its last line were completed simply."""
    trial = _trial(window, replaced, language_id)
    if trial is None:
        return True
    part = next((part for part in reversed((trial, *_parts(trial))) if _breaks(part, text)), trial)
    line = (part.around.before + text).rpartition("\n")[2]
    return any(not _breaks(part, text + ending) for ending in _endings(line, language_id))


def _trial(window: Window, replaced: int, language_id: str) -> _Trial | None:
    excerpt = excerpt_of(window, language_id) if has_grammar(language_id) else None
    return None if excerpt is None else _Trial.of(excerpt.with_text("", replaced), language_id)


def _parts(trial: _Trial) -> tuple[_Trial, ...]:
    """Return smaller parts of the text around the cursor, the largest first."""
    return tuple(_Trial.of(part, trial.language_id) for part in _smaller(trial))


@lru_cache(maxsize=4)
def _smaller(trial: _Trial) -> tuple[Excerpt, ...]:
    grammar, text = grammar_of(trial.language_id), trial.around.before + trial.around.after
    tree = trial.gap.tree(trial.line + trial.rest) if text.isascii() else parse(to_ascii(text), trial.language_id)
    if grammar is None or tree is None:
        return ()
    cursor = len(trial.around.before)
    cut = (cut_excerpt(tree.root_node, text, cursor, grammar.lists, before, after) for before, after in _PARTS)
    return tuple(part for part in cut if part is not None and part != trial.around)


def _may_close(around: Excerpt, text: str, traits: LanguageTraits) -> bool:
    """Return whether ``text`` closes blocks around the cursor that may not be closed yet."""
    count = sum(bracket == "}" for _, bracket in unopened(text, traits))
    found = Counter(bracket for _, bracket in brackets(around.before + around.after, traits))
    return count > 0 and (around.hides_errors or found["{"] - found["}"] >= count)


def _hides_errors(trial: _Trial) -> bool:
    """Return whether the errors around the cursor are all outside the excerpt."""
    return trial.around.hides_errors and trial.errors() == 0


def _breaks(trial: _Trial, text: str) -> bool:
    """Return whether ``text`` brings a syntax error.

    The cursor's line is mostly half-written, and that is an error already. So the errors with the suggestion are
    compared with those without that line, and with those if the line is completed in some other way. A suggestion
    breaks the syntax if it leaves more errors than both. It also does if it stands before a rest of the line and leaves
    more errors than the line has as it is: without its head, a block is an error of its own.
    """
    errors = trial.errors(text)
    if not errors:
        return False
    if trial.rest.strip():
        as_it_is = trial.errors()
        if as_it_is is not None and as_it_is < errors:
            return True
    without_line = trial.errors_without_line()
    if without_line is None or errors <= without_line:
        return False
    line = trial.line
    others = _endings(line, trial.language_id) if line.strip() else _STATEMENTS if without_line else ("",)
    found = (trial.errors(other) for other in others)
    return any(other is not None and other < errors for other in found)


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
