"""How a suggestion fits the rest of the cursor's line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_completion.languages.brackets import PAIRS, open_brackets, unended_quotes, unopened
from infill_completion.languages.literal_styles import STYLES
from infill_completion.languages.long_literals import open_literal
from infill_completion.suggest.filters.angles import closed_angles
from infill_completion.suggest.filters.comments import is_in_comment
from infill_completion.suggest.filters.context import FilterContext
from infill_completion.suggest.filters.delimiters import has_half_of_case_end
from infill_completion.suggest.filters.fit import Fit, closers_of, fit_of
from infill_completion.suggest.filters.prose import doubles_emphasis, quoted_before

_WORD = re.compile(r"\w")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_ONLY_CLOSERS = re.compile(r"[)\]}>\"'`;,:\s]+")
_QUOTES = re.compile("[\"'`]+")
_TYPEDEF = re.compile(r"\btypedef\s+(?:struct|union|enum)\s+$")
_C = frozenset({"c", "cpp", "cuda-cpp", "objective-c", "objective-cpp"})
_POINTER = re.compile(r"\w\s*\*+\s*,\s*$")
# The end of a key and the start of its value.
_KEY_END = re.compile("([\"'`])\\s*(?::|=>?)\\s*[\"'`]")
_WORD_END = re.compile(r"\w$")
_QUOTES_END = re.compile("[\"'`]+$")
_OPENERS = frozenset("([{")
# Minimum length of an overlap of words that is not the whole rest of the line.
_LONG_OVERLAP = 8
_SHORTEST_QUOTES = 3
# Minimum length of the beginning of the rest of the line at which a suggestion is cut.
_LEAST_MATCH = 6
# Maximum length of an overlap that is looked for, besides the whole rest of the line.
_MAX_MATCH = 400
# What such an overlap of punctuation begins with: a path may well repeat its dots and slashes.
_STARTS = (")", "]", "}", "->", "=>", ":=", "==", "&&", "||", ",")
# What may stand side by side any number of times without being a ruler.
_ONLY_ONCE = frozenset("()[]{}\"'`")
# How many places of each kind are tried.
_MAX_PLACES = 12


def cut_misfit(text: str, context: FilterContext) -> str:
    """Cut where the suggestion continues like the rest of the line; drop one that ends the line differently."""
    rest = context.window.rest
    if not context.ended_line or not _WORD.search(rest) or text.rstrip().endswith(rest.strip()):
        return text
    for size in range(min(len(rest), len(text), _MAX_MATCH), _LEAST_MATCH - 1, -1):
        match = text.find(rest[:size])
        if match >= 0 and _WORD.search(rest[:size]):
            return text[:match]
    closers = [end for end in closers_of(text, context) if text[end] == rest.lstrip()[:1]]
    return text[: closers[0]] if closers else ""


def trim_overlap(text: str, context: FilterContext) -> str:
    """Drop what the suggestion repeats of the rest of the line.

    What it writes in place of punctuation stays if it covers all of it; see `replaced`. Brackets and quotes are dropped
    only where the line has more of them than it needs.
    """
    rest = context.window.rest
    if not rest.strip() or not text.strip() or context.is_line_cut or has_half_of_case_end(text, context):
        return text
    end = _best_end(text, context)
    # In a comment the rest may close what a line above it opens.
    if end < len(text) and not (is_in_comment(context) and _is_balanced(text, context)):
        return text[:end]
    if "\n" in text or _replacement(text, context)[1]:
        return text
    found = _overlaps(text, rest)[:_MAX_PLACES]
    if rest[0].isspace():  # The blank that the rest begins with may be missing.
        bare = rest.lstrip()
        found += [
            each for each in _overlaps(text, bare)[:_MAX_PLACES]
            if len(each) >= _SHORTEST_QUOTES and not (_WORD_END.search(each) and _WORD.match(bare[len(each) :]))
        ]  # fmt: skip
    if (start := _repeated_rest(text, rest)) is not None:
        found.append(text[start:])
    double = next((overlap for overlap in found if _is_double(text, overlap, context)), "")
    return text.removesuffix(double)


def replaced(text: str, context: FilterContext) -> int:
    """Return how many characters right of the cursor the suggestion replaces.

    An editor that closes brackets leaves ``)`` after the cursor. A suggestion that closes the bracket itself and
    continues replaces it, with the punctuation that follows. Editors draw a suggestion in its line only if it contains
    the replaced characters in their order.
    """
    if not text or not context.window.rest.strip() or context.is_line_cut:
        return 0
    return _replacement(text, context)[1] or _replaced_angle(text, context)


def cut_at_closed_angle(text: str, context: FilterContext) -> str:
    """Cut where the suggestion closes the angle bracket that the rest of the line closes already."""
    rest = context.window.rest.rstrip()
    closed = closed_angles(text, context)
    if closed is None or (text[closed[0] + 1 :].strip() and _ONLY_CLOSERS.fullmatch(rest)):
        return text  # If the line has only closing brackets left, `replaced` lets the suggestion take their place.
    return text[: closed[0]]


def _replaced_angle(text: str, context: FilterContext) -> int:
    closed, rest = closed_angles(text, context), context.window.rest.rstrip()
    if closed is None or "\n" in text or not _ONLY_CLOSERS.fullmatch(rest):
        return 0
    end = rest[closed[1] :].strip()
    return len(rest) if end in {";", ","} and text.rstrip().endswith(end) else closed[1]


def _best_end(text: str, context: FilterContext) -> int:
    """Return where ``text`` fits best if it ends there."""
    best, replaced_best = _replacement(text, context)
    end, rest = len(text), context.window.rest.rstrip()
    whole = text.rstrip()
    if whole.endswith(rest) and "\n" not in text:
        fit, count = _replacement(whole[: -len(rest)], context)
        if count == 0 and (fit < best or (fit == best and replaced_best)):
            return len(whole) - len(rest)
    start = None if "\n" in text else _repeated_rest(text, rest)
    if start is not None and (fit_of(text[:start], 0, context), 0) < (best, 0):
        return start
    repeated = _repeated_end(text, replaced_best, context)
    if repeated and _replacement(text[:-repeated], context) == (best, 0):
        return len(text) - repeated
    for place in sorted(_ends(text, context), reverse=True):
        fit, count = _replacement(text[:place], context)
        if count == 0 and (fit < best or (fit == best and end - replaced_best == place and "\n" not in text)):
            best, end, replaced_best = fit, place, 0
    return end


def _repeated_rest(text: str, rest: str) -> int | None:
    """Return where ``text`` begins to repeat all of ``rest``, other blanks aside; None if it does not."""
    repeated = [match[0] for match in _TOKEN.finditer(rest)]
    written = list(_TOKEN.finditer(text))[-len(repeated) :]
    if [match[0] for match in written] != repeated:
        return None
    start = written[0].start()
    return len(text[:start].rstrip()) if rest[:1].isspace() else start


def _repeated_end(text: str, replaced_size: int, context: FilterContext) -> int:
    """Return the length of the punctuation that ``text`` ends and the rest begins with, if it is no coincidence."""
    for overlap in _overlaps(text, context.window.rest)[:_MAX_PLACES]:
        is_long = len(overlap.strip()) > 1 and overlap.lstrip().startswith(_STARTS)
        if _is_ruler(text, context.window.rest):
            return 0
        # It repeats what it replaces, and more.
        is_more = 0 < replaced_size < len(overlap.strip())
        if (is_long or is_more) and len(overlap) > replaced_size and not _WORD.search(overlap) and "\n" not in text:
            return len(overlap)
    return 0


def _is_balanced(text: str, context: FilterContext) -> bool:
    """Return whether ``text`` has brackets and closes all that it opens, and nothing else."""
    opened = open_brackets(text, context.traits)
    return not opened and not unopened(text, context.traits) and any(closer in text for closer in PAIRS)


def _is_ruler(text: str, rest: str) -> bool:
    """Return whether the cursor is inside a run of one character that is no operator: ``=====`` and the like."""
    character = rest[:1]
    if not character or character.isspace() or character.isalnum() or character in _ONLY_ONCE:
        return False
    left, right = len(text) - len(text.rstrip(character)), len(rest) - len(rest.lstrip(character))
    return left > 0 and left + right > 3 and left != right


def _replacement(text: str, context: FilterContext) -> tuple[Fit, int]:
    """Return how many characters of the rest ``text`` replaces best, after how well it fits then."""
    counts = (0, *_coverable(text, context))
    return min((fit_of(text, count, context), count) for count in counts)


def _coverable(text: str, context: FilterContext) -> Iterator[int]:
    """Yield how many characters of the rest ``text`` may replace.

    They are punctuation, and ``text`` contains them in the same order from where it closes what the rest closes.
    """
    rest, window = context.window.rest, context.window
    places = _closing_places(text, context)
    if not places or any(3 * quote in window.before + text + rest for quote in "\"'`"):
        return
    tail = text[len(text[: places[0]].rstrip()) :]
    at = 0
    for count, character in enumerate(rest[:_MAX_PLACES], 1):
        at = tail.find(character, at) + 1
        if not at:
            return
        if _WORD.match(character):
            break
        following = rest[count:].lstrip()[:1]
        if character.strip() and not (following in _OPENERS and following in tail):
            yield count
    words = rest[count - 1 :].rstrip()
    if _WORD.match(words) and len(words) < len(tail) and tail.rstrip().endswith(words):
        yield count - 1 + len(words)


def _closing_places(text: str, context: FilterContext) -> list[int]:
    """Return the offsets in ``text`` of what closes the brackets or the string around the cursor."""
    places = list(closers_of(text, context)[:_MAX_PLACES])
    quote = context.window.rest.lstrip()[:1]
    if (
        quote
        and quote in "\"'`"
        and _is_open(quote, context)
        and (match := re.search(rf"(?<!\\)(?:\\\\)*({quote})", text))
    ):
        places.append(match.start(1))
    return sorted(places)


def _is_open(quote: str, context: FilterContext) -> bool:
    """Return whether the cursor is in a string that ``quote`` closes; in prose it may begin on a line above."""
    if context.literal is not None and context.literal.closing.startswith(quote):
        return True
    return quote in unended_quotes(quoted_before(context), context.traits)


def _ends(text: str, context: FilterContext) -> list[int]:
    """Return where ``text`` may be cut: before what the rest repeats, and before what the rest closes."""
    overlaps = [len(text) - len(overlap) for overlap in _overlaps(text, context.window.rest)[:_MAX_PLACES]]
    places = _closing_places(text, context)
    return [*overlaps, *places[:_MAX_PLACES]]


def _overlaps(text: str, rest: str) -> list[str]:
    """Return the ends of ``text`` that ``rest`` begins with, longest first."""
    longest = min(len(text), len(rest), _MAX_MATCH)
    sizes = range(longest, 0, -1)
    return [rest[:size] for size in sizes if rest[:size].strip() and text.endswith(rest[:size])]


def _is_double(text: str, overlap: str, context: FilterContext) -> bool:
    """Return whether ``text`` ends with a part of the rest that no brackets or quotes speak for or against."""
    window = context.window
    # The tag of a type may be its name, and parameters without names are alike.
    is_type = context.language_id in _C and (
        (overlap == text and _TYPEDEF.search(window.before)) or _POINTER.search(overlap)
    )
    if is_type or _is_repeated_below(text, overlap, context):
        return False
    if not overlap.strip("*_~") and doubles_emphasis(text, context):
        return True
    if _QUOTES.fullmatch(overlap) and 3 * overlap[0] in window.before + text + window.rest:
        left, right = _QUOTES_END.search(text), _QUOTES.match(window.rest)
        if left and right and len(left[0]) == len(right[0]) == len(overlap) == 2:
            return True  # an empty string twice
        return len(overlap) == 3 and window.starts_document and _leaves_string(text, overlap, context)
    if not _is_long_overlap(text, overlap, window.rest):
        return False
    return fit_of(text[: -len(overlap)], 0, context) <= fit_of(text, 0, context)


def _is_repeated_below(text: str, overlap: str, context: FilterContext) -> bool:
    """Return whether ``text`` ends with an entry of a list on its line and the next line begins with the same one."""
    window, entry = context.window, _TOKEN.findall(overlap)
    head = window.before + text[: len(text) - len(overlap)]
    if len(entry) < 2 or entry[-1] != "," or not head.strip():
        return False
    below = _TOKEN.findall(window.below.lstrip()[: len(overlap) + _MAX_MATCH])
    return below[: len(entry) - 1] == entry[:-1]


def _leaves_string(text: str, fence: str, context: FilterContext) -> bool:
    """Return whether a string of several lines does not end, unless the suggestion lacks its last three quotes."""
    window, language_id = context.window, context.language_id
    if not window.ends_document:
        return (window.prefix + text + window.rest).count(fence) % 2 == 1
    with_it, without = (f"{window.prefix}{each}{window.suffix}" for each in (text, text.removesuffix(fence)))
    if language_id not in STYLES:
        return with_it.count(fence) % 2 == 1
    return open_literal(with_it, language_id) is not None and open_literal(without, language_id) is None


def _is_long_overlap(text: str, overlap: str, rest: str) -> bool:
    """Return whether ``overlap`` is the whole rest, or too much of it to be a coincidence."""
    is_all = _repeated_rest(overlap, rest) is not None
    if _KEY_END.fullmatch(overlap):
        return True
    if not _WORD.search(overlap):
        is_long = len(overlap.strip()) > 1 and not _QUOTES.fullmatch(overlap)
        return is_all and (is_long or overlap.strip() in {";", ",", ":", "{"})
    begins_word = not (overlap[0].isalnum() and text[: -len(overlap)][-1:].isalnum())
    return begins_word and ((is_all and len(overlap.strip()) >= 3) or len(overlap) >= _LONG_OVERLAP)
