"""Artefacts of models: control tokens, invisible characters, Markdown fences and masks."""

from __future__ import annotations

import re

from infill_completion.languages.traits import Blocks
from infill_completion.privacy.masking import MASK
from infill_completion.suggest.filters.comments import is_in_comment
from infill_completion.suggest.filters.context import FilterContext

# The control tokens of every supported model family, as their tokenizers spell them; see `prompt.formats`.
_MARKER = re.compile(
    r"[▁ ]?<(?:PRE|SUF|MID|EOT)>"
    r"|<\|?(?:fim[_-](?:prefix|suffix|middle|pad|hole|begin|end)|file_sep(?:arator)?|repo_name|endoftext|filename"
    r"|im_start|im_end|end_of_turn|end_of_text|eos)\|?>"
    r"|<\[fim-(?:prefix|suffix|middle)\]>|<\[end▁of▁sentence\]>"
    r"|<｜(?:fim▁(?:begin|hole|end)|end▁of▁sentence|begin▁of▁sentence)｜>"
    r"|\[(?:SUFFIX|PREFIX|MIDDLE)\]"
)
# ASCII control characters except tab and line end, invisible characters, and those that change the writing direction.
_INVISIBLE = re.compile("[\0-\x08\x0b-\x1f\x7f\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
# Chat models wrap code as Markdown does.
_FENCE = re.compile(r"\s*```[\w+#.-]*[ \t]*(?:\n|$)")
_FENCE_END = re.compile(r"^[ \t]*```[\s\S]*", re.MULTILINE)


def drop_invisible(text: str, context: FilterContext) -> str:
    """Drop control characters and invisible characters, unless the document itself has them."""
    around = context.window.prefix + context.window.suffix
    return _INVISIBLE.sub(lambda match: match.group() if match.group() in around else "", text)


def unwrap_fence(text: str, context: FilterContext) -> str:
    """Remove the Markdown fence that chat models put around code."""
    match = _FENCE.match(text)
    if match is None or context.traits.blocks is Blocks.PROSE or is_in_comment(context):
        return text
    code = _FENCE_END.sub("", text[match.end() :])
    return code.removeprefix(context.window.before) if not context.window.before.strip() else code


def cut_at_marker(text: str, context: FilterContext) -> str:
    """Cut at the first control token of a model, unless the document itself contains it."""
    for match in _MARKER.finditer(text):
        spelled = match.group().strip()
        if spelled not in context.window.prefix and spelled not in context.window.suffix:
            return text[: match.start()].rstrip(" ")
    return text


def drop_mask(text: str, context: FilterContext) -> str:
    """Drop a suggestion that copies the mask of a secret."""
    mask = MASK * 6
    shown = context.window.prefix + context.window.suffix
    return "" if mask in text and mask not in shown else text
