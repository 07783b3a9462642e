"""Control tokens of models that show up as text."""

from __future__ import annotations

import re

from infill_completion.filters.place import Place
from infill_completion.masking import MASK

# The control tokens of every supported model family, as their tokenizers spell them; see `formats`.
_MARKER = re.compile(
    r"[▁ ]?<(?:PRE|SUF|MID|EOT)>"
    r"|<\|?(?:fim[_-](?:prefix|suffix|middle|pad|hole|begin|end)|file_sep(?:arator)?|repo_name|endoftext|filename"
    r"|im_start|im_end|end_of_turn|end_of_text|eos)\|?>"
    r"|<\[fim-(?:prefix|suffix|middle)\]>|<\[end▁of▁sentence\]>"
    r"|<｜(?:fim▁(?:begin|hole|end)|end▁of▁sentence|begin▁of▁sentence)｜>"
    r"|\[(?:SUFFIX|PREFIX|MIDDLE)\]"
)


def cut_at_marker(text: str, place: Place) -> str:
    """Cut at the first control token of a model, unless the document itself spells it."""
    for match in _MARKER.finditer(text):
        spelled = match.group().strip()
        if spelled not in place.window.prefix and spelled not in place.window.suffix:
            return text[: match.start()].rstrip(" ")
    return text


def drop_mask(text: str, place: Place) -> str:
    """Drop a suggestion that copies the mask of a secret."""
    mask = MASK * 6
    shown = place.window.prefix + place.window.suffix
    return "" if mask in text and mask not in shown else text
