"""Tokenizers for tests: one token for each byte, and the control tokens of a model family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.checkpoints.tokenizer_files import Ends
from infill_completion.prompt.formats import FORMATS, FimFormat

# The start and end tokens, and whether the family's tokenizer adds the start token itself.
STARTS = {
    "CodeLlama": Ends("<s>", "</s>", True),
    "Qwen2.5-Coder": Ends(None, "<|endoftext|>", False),
    "Qwen3-Coder": Ends(None, "<|im_end|>", False),
    "StarCoder2": Ends("<|endoftext|>", "<|endoftext|>"),
    "DeepSeek-Coder": Ends("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", True),
    "CodeGemma": Ends("<bos>", "<eos>", True),
    "Codestral": Ends("<s>", "</s>", True),
    "Seed-Coder": Ends("<[begin▁of▁sentence]>", "<[end▁of▁sentence]>", True),
}


def byte_table() -> list[str]:
    """Return GPT-2's name for each byte."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def byte_level(controls: Sequence[str]) -> dict[str, Any]:
    """Return a ``tokenizer.json`` with one token for each byte, followed by ``controls``."""
    added = [
        {"id": 256 + at, "content": name, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
         "special": True}
        for at, name in enumerate(controls)
    ]  # fmt: skip
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "vocab": {name: byte for byte, name in enumerate(byte_table())}, "merges": []}
    return {
        "version": "1.0", "added_tokens": added, "normalizer": None, "pre_tokenizer": level, "post_processor": level,
        "decoder": level, "model": model,
    }  # fmt: skip


def family(name: str) -> FimFormat:
    """Return the format of a family."""
    return next(form for form in FORMATS if form.family == name)


def tokenizer_document(name: str) -> dict[str, Any]:
    """Return a ``tokenizer.json`` with the control tokens of a family."""
    form, ends = family(name), STARTS.get(name, Ends(None, "<|endoftext|>"))
    names = {*form.controls(), *filter(None, (ends.bos, ends.eos))}
    if form.written:
        names -= {mark.strip() for mark in form.written}
    return byte_level(sorted(names))


def tokenizer_of(name: str, *, model: str = "") -> Tokenizer:
    """Return a tokenizer with the control tokens of a family, for a model called ``model``."""
    return Tokenizer(tokenizer_document(name), STARTS.get(name, Ends(None, "<|endoftext|>")), model)
