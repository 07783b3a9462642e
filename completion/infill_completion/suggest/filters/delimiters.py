"""Closers of several characters that the document has already: of comments, templates, tags and long strings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infill_completion.document.window import Window
from infill_completion.languages.literal_styles import STYLES
from infill_completion.languages.long_literals import LongLiteral
from infill_completion.suggest.filters.context import FilterContext


@dataclass(frozen=True)
class _Pair:
    """The patterns of an opening and a closing delimiter."""

    opener: str
    closer: str

    def events(self, text: str) -> list[tuple[bool, int]]:
        """Return for each delimiter in ``text`` whether it is the opening one, and where it begins."""
        found = re.finditer(f"({self.opener})|{self.closer}", text)
        return [(match.group(1) is not None, match.start()) for match in found]


_PAIRS = (
    _Pair("<!--", "-->"),
    _Pair(r"<\?(?!>)", r"\?>"),
    _Pair("<%", "[-=+~]?%>"),
    _Pair(r"\{%", r"[-+~]?%\}"),
    _Pair(r"\{#", r"#\}"),
    _Pair(r"\[\|", r"\|\]"),
)
# For languages of which no literals are known; a glob such as `src/**` opens nothing.
_COMMENT = _Pair(r"(?<![\w\"'`/*.])/\*+(?!/)", r"\*+/")
_TAG = re.compile(r"</?[A-Za-z][\w.:-]*(?=[\s/>]|\Z)|/?>")
# Values of attributes, in which `>` means something else, and arrows.
_VALUE = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}|[=-]>")
# The last line of a comment with a star in front of each line.
_DECORATION = re.compile(r"\n[ \t]*\*+[ \t]*\Z")
_BEGINS_STRING = re.compile(r"[\"'`][\w \"'`]")
_WORD = re.compile(r"\w")
_CASE, _CASE_CHARS = re.compile(r"\b(?:case|esac)\b"), 2000
_CASE_END, _SHELL_COMMENT = re.compile(r";\s+esac\b.*"), re.compile(r"(?:^|\s)#.*")
# How far around the cursor a delimiter is looked for.
_MOST = 4000


def cut_at_closed_delimiter(text: str, context: FilterContext) -> str:
    """Cut where the suggestion closes a comment, a tag, a template or a long string that is closed already."""
    window = context.window
    if _WORD.search(window.rest) and text.rstrip().endswith(window.rest.strip()):
        return text  # All of the rest is there twice, not only the delimiter.
    before, after = window.prefix[-_MOST:], window.suffix[:_MOST]
    pairs = _PAIRS if context.language_id in STYLES else (*_PAIRS, _COMMENT)
    places = [_closed_pair(pair, before, text, after) for pair in pairs]
    places += [_closed_tag(before, text, after), _closed_literal(text, context)]
    found = [place for place in places if place is not None]
    kept = text[: min(found)] if found else text
    if window.rest.strip() or len(kept) == len(text):
        return kept
    return _DECORATION.sub("", kept).rstrip()


def has_half_of_case_end(text: str, context: FilterContext) -> bool:
    """Return whether ``text`` and the rest of the line each have one half of the ``;;`` of a shell's ``case``."""
    window = context.window
    if context.language_id != "shellscript" or text.endswith(";;") or not _CASE_END.fullmatch(window.rest):
        return False
    code = "\n".join(_SHELL_COMMENT.sub("", line) for line in (window.prefix[-_CASE_CHARS:] + text).split("\n"))
    return text.endswith(";") and _CASE.findall(code)[-1:] == ["case"]


def _closed_literal(text: str, context: FilterContext) -> int | None:
    """Return where ``text`` ends the long string or comment around the cursor, which the document ends too."""
    literal, rest = context.literal, context.window.rest
    # A single quote on the cursor's line is for `trim_overlap`, which lets text after the string replace it.
    is_left = bool(rest.strip()) and literal is not None and len(literal.closing) == 1
    if literal is None or is_left or not _is_closed(literal, context.window, context.language_id):
        return None
    decoration = _DECORATION.search(text)
    if literal.closing == "*/" and decoration is not None:
        return decoration.start()
    end = literal.end_in(text)
    if end is None or literal.opening in text[end[1] :]:
        return None
    return len(text[: end[0]].rstrip("*")) if literal.closing == "*/" else end[0]


def _is_closed(literal: LongLiteral, window: Window, language_id: str) -> bool:
    """Return whether the text after the cursor closes ``literal``; one whose delimiters are alike is hard to tell."""
    if literal.opening.endswith(literal.closing) and (len(literal.closing) == 1 or not window.ends_document):
        following = window.rest.lstrip() or window.suffix.lstrip()
        # A quote that a word follows begins the next string.
        begins = not window.rest.strip() and _BEGINS_STRING.match(following) is not None
        return following.startswith(literal.closing) and not begins
    return literal.is_closed_in(window.suffix, language_id, is_cut=not window.ends_document)


def _closed_pair(pair: _Pair, before: str, text: str, after: str) -> int | None:
    """Return where ``text`` closes the pair around the cursor, which ``after`` closes too; None if it does not."""
    events = pair.events(text)
    if not events or events[-1][0]:
        return None
    above, below = pair.events(before), pair.events(after)
    if not above or not above[-1][0] or not below or below[0][0]:
        return None
    last_opener = max((at for at, (is_opener, _) in enumerate(events) if is_opener), default=-1)
    return events[last_opener + 1][1]


def _closed_tag(before: str, text: str, after: str) -> int | None:
    """Return where ``text`` ends the tag around the cursor, which is empty and ends right after it."""
    if not after.lstrip().startswith("/>") or ">" not in text:
        return None
    tags = _TAG.findall(_VALUE.sub("", before))
    if not tags or not tags[-1].startswith("<"):
        return None
    shown = _VALUE.sub(lambda match: " " * len(match.group()), text)
    match = re.search(r"/?>", shown)
    return match.start() if match else None
