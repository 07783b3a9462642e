"""Control tokens of models that arrive as text, masks of secrets, and undecodable bytes."""

from __future__ import annotations

import re
from itertools import islice

from infill_completion.languages.traits import Blocks
from infill_completion.privacy.masking import MASK
from infill_completion.suggest.filters.comments import is_in_comment
from infill_completion.suggest.filters.context import FilterContext
from infill_completion.suggest.filters.markup import is_markup

# Control tokens as the tokenizers of the model families spell them; see `prompt.formats`. The words of the first group
# may also be elements or types of the document, those of the second one indexes.
_MARKER = re.compile(
    r"▁?(?:"
    r"<\|/?[A-Za-z_][\w▁-]{1,39}\|>|<｜(?:[^<>｜\n]{0,40}｜>)?|<\[fim-(?:prefix|suffix|middle)\]>|<\[end▁of▁sentence\]>"
    r"|<</?SYS>>|<0x[0-9A-F]{2}>|<(?:PRE|SUF|MID|EOT|FILL_ME)>"
    r"|<(?:fim[_-](?:prefix|suffix|middle|pad|hole|begin|end)|file_sep(?:arator)?|repo_?name|endoftext|im_start|im_end"
    r"|start_of_turn|end_of_turn|end_of_text|gh_stars|empty_output"
    r"|commit_(?:before|msg|after)|issue_(?:start|comment|closed)|jupyter_(?:start|text|code|output))>"
    r"|</?(s|eos|bos|unk|filename|think|thinking|tool_call)>"
    r"|\[/?(INST|SUFFIX|PREFIX|MIDDLE|THINK|TOOL_CALLS|AVAILABLE_TOOLS)\]"
    r")"
)
# What follows a token that somebody writes about.
_SENTENCE = re.compile(r"[\"'`),.;:]*[ \t]+[a-z]")
# A line whose string is likely to be a token.
_ABOUT_TOKENS = re.compile(
    r"token|(?<![a-z])[be]o[st](?![a-z])|stop|special|marker|template|prompt|vocab|sentinel", re.IGNORECASE
)
_FENCES = ('"""', "'''", "`")
# A text with so many tokens is about them.
_MAX_TOKENS = 64
# The mask of a short secret: in quotes, after the sign of an assignment, or in a URL.
_MASKED_VALUE = re.compile(r"(?:[\"'`](?:\*{3,5})(?=[\"'`;])|[=:][ \t]?\*{3,5}(?=[@;]|$))", re.MULTILINE)
_UNDECODABLE = "\ufffd"


def cut_at_marker(text: str, context: FilterContext) -> str:
    """Cut at the first control token of a model, unless the document itself is about such tokens."""
    for match in islice(_MARKER.finditer(text), _MAX_TOKENS):
        if not _is_written(match, context):
            return text[: match.start()].rstrip(" ")
    return text


def cut_at_undecodable(text: str, context: FilterContext) -> str:
    """Cut at a character that could not be decoded, unless the document itself contains such characters."""
    at = text.find(_UNDECODABLE)
    return text if at < 0 or _UNDECODABLE in context.window.prefix + context.window.suffix else text[:at]


def drop_mask(text: str, context: FilterContext) -> str:
    """Drop a suggestion that copies the mask of a secret; a short mask counts only in place of a value.

    A document that contains such marks itself may get more of them.
    """
    shown = context.window.prefix + context.window.suffix
    if MASK * 6 in text:
        return text if MASK * 6 in shown else ""
    copied = _MASKED_VALUE.search(context.window.before + text, max(len(context.window.before) - 1, 0))
    return "" if copied is not None and copied.group() not in shown else text


def _is_written(match: re.Match[str], context: FilterContext) -> bool:
    """Return whether a token belongs to the text: the document has it, or quotes it, or writes about it."""
    window, text = context.window, match.string
    spelled = match.group().lstrip("▁")
    if spelled in window.prefix or spelled in window.suffix:
        return True
    name = match.group(1) or match.group(2)
    if match.group(1) and is_markup(context):
        opening, closing = rf"<{name}[\s>]", f"</{name}>"
        if "/" in spelled:
            has_other = re.search(opening, window.prefix + text[: match.start()]) is not None
        else:
            has_other = closing in text[match.end() :] + window.suffix or (
                match.start() > 0 and bool(text[match.end() :].strip())
            )
        if has_other:
            return True
    elif name and name not in {"s", "think"} and re.search(rf"\b{name}\b", window.prefix + window.suffix):
        return True
    line_end = text.find("\n", match.end())
    line = text[match.end() :] if line_end < 0 else text[match.end() : line_end]
    is_prose = context.traits.blocks is Blocks.PROSE or is_in_comment(context)
    return (is_prose and not match.group(2) and _SENTENCE.match(line) is not None) or _is_quoted(match, line, context)


def _is_quoted(match: re.Match[str], rest_of_line: str, context: FilterContext) -> bool:
    """Return whether a token is in a string that ends in the suggestion, or is all of the string around the cursor."""
    text, window = match.string, context.window
    head = text[: match.start()]
    if any(head.count(fence) % 2 and fence in text[match.end() :] for fence in _FENCES):
        return True
    newline = head.rfind("\n")
    quote = _open_quote(head[newline + 1 :] if newline >= 0 else window.before + head)
    if not quote:
        return False
    if quote in rest_of_line:
        return True
    is_all = text.strip() == match.group() and quote in window.rest
    return is_all and bool(_ABOUT_TOKENS.search(window.before) or _MARKER.search(window.prefix + window.suffix))


def _open_quote(line: str) -> str:
    """Return the quote of the string that ``line`` begins and does not end; empty if there is none."""
    quote, is_escaped = "", False
    for character in line:
        if is_escaped or character == "\\":
            is_escaped = not is_escaped
        elif quote:
            quote = "" if character == quote else quote
        elif character in "\"'`":
            quote = character
    return quote
