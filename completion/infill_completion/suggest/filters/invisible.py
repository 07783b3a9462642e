"""Invisible characters: controls, joiners, tags and marks that change the writing direction."""

from __future__ import annotations

import re
import unicodedata

from infill_completion.languages.traits import Blocks
from infill_completion.suggest.filters.comments import is_in_comment
from infill_completion.suggest.filters.context import FilterContext

# Unicode's categories Cc, Cf, Cs, Zl and Zp without tab and line end, the visible signs among them, and what has no
# glyph of its own: variation selectors and the fillers of Hangul, Khmer and Mongolian.
_INVISIBLE = re.compile(
    # The flags of England, Scotland and Wales are written with tags.
    "(\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]+\U000e007f)"
    "|[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_NON_JOINER, _JOINER, _KEYCAP = "\u200c", "\u200d", "\u20e3"
# Scripts in which a joiner changes how the letters around it are written, besides those from right to left.
_JOINED = re.compile("[\u0900-\u0dff\u0e80-\u109f\u1780-\u18af]")
_IDEOGRAPH = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_EMOJI = frozenset({"So", "Sm", "Sk", "Po"})
_EXOTIC_BLANK = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")


def drop_invisible(text: str, context: FilterContext) -> str:
    """Drop control characters and invisible characters, unless the document has them or the script needs them."""
    if not _INVISIBLE.search(text):
        return text
    around, line = set(context.window.prefix) | set(context.window.suffix), context.window.before

    def kept(match: re.Match[str]) -> str:
        character = match.group()
        before = text[match.start() - 1] if match.start() else line[-1:]
        is_kept = (
            bool(match.group(1))
            or character in around
            or _is_needed(before, character, text[match.end() : match.end() + 1])
        )
        return character if is_kept else ""

    return _INVISIBLE.sub(kept, text)


def use_plain_blanks(text: str, context: FilterContext) -> str:
    """Replace blanks that only prose has by plain ones, in code outside strings and comments."""
    if context.traits.blocks is Blocks.PROSE or is_in_comment(context) or not _EXOTIC_BLANK.search(text):
        return text
    around = context.window.prefix + context.window.suffix
    mark = context.traits.line_comment

    def plain(line: str, before: str) -> str:
        is_text = any(quote in before + line for quote in "\"'`<") or (mark and mark in before + line)
        head = line[: len(line) - len(line.lstrip())] if not before.strip() else ""
        body = line[len(head) :]
        head, body = _plain(head, around), body if is_text else _plain(body, around)
        return head + body

    first, *others = text.split("\n")
    return "\n".join([plain(first, context.window.before), *(plain(line, "") for line in others)])


def _plain(text: str, around: str) -> str:
    return _EXOTIC_BLANK.sub(lambda match: match.group() if match.group() in around else " ", text)


def _is_needed(before: str, character: str, after: str) -> bool:
    """Return whether ``character`` changes how its neighbours look."""
    if not before:
        return False
    kind = unicodedata.category(before)
    if "\ufe00" <= character <= "\ufe0f":
        return kind in _EMOJI or (after == _KEYCAP and before.isdigit())
    if character >= "\U000e0100":
        return _IDEOGRAPH.match(before) is not None
    if character in (_JOINER, _NON_JOINER) and _is_joined(before):
        return True
    if character == _JOINER:
        is_emoji = kind in _EMOJI or before == "\ufe0f"
        return is_emoji and bool(after) and unicodedata.category(after) in _EMOJI
    return "\u180b" <= character <= "\u180f" and "\u1800" <= before <= "\u18af"


def _is_joined(letter: str) -> bool:
    return unicodedata.bidirectional(letter) == "AL" or _JOINED.match(letter) is not None
