"""How byte-level tokenizers split text into words before they merge: ``tokenizer.ggml.pre`` of a GGUF file.

Each is the ``pre_tokenizer`` in the ``tokenizer.json`` of a model whose files have that name, with the same results as
the expressions in ``llama-vocab.cpp`` of llama.cpp.
"""

from __future__ import annotations

from typing import Any

_APOSTROPHES = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_BLANKS = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_SIGNS = r" ?[^\s\p{L}\p{N}]+[\r\n]*"
_LLAMA3 = rf"{_APOSTROPHES}|{_WORDS}|\p{{N}}{{1,3}}|{_SIGNS}|{_BLANKS}"
_QWEN2 = rf"{_APOSTROPHES}|{_WORDS}|\p{{N}}|{_SIGNS}|{_BLANKS}"
_SEED_CODER = rf"{_APOSTROPHES}|{_WORDS}|\p{{N}}{{1}}| ?[^\s\p{{L}}\p{{N}}\r\n]+|{_BLANKS}"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_BEFORE = r"[^\r\n\p{L}\p{N}]?"
_TEKKEN = rf"{_BEFORE}{_UPPER}*{_LOWER}+|{_BEFORE}{_UPPER}+{_LOWER}*|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_BLANKS}"
_DEEPSEEK_CODER = ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+")


def _level(*, splits: bool) -> dict[str, Any]:
    """Return the step that spells bytes as letters; with ``splits`` it also splits as GPT-2 does."""
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": splits}


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def _steps(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(steps)}


_DIGITS = {"type": "Digits", "individual_digits": True}
_GPT2 = _level(splits=True)
_STARCODER = _steps(_DIGITS, _level(splits=True))
_PATTERNS = {
    _LLAMA3: ("llama3", "llama-v3", "llama-bpe", "falcon3", "pixtral", "dbrx", "smaug-bpe", "chatglm-bpe"),
    _QWEN2: ("qwen2", "deepseek-r1-qwen", "stablelm2", "megrez"),
    _SEED_CODER: ("seed-coder",),
    _TEKKEN: ("tekken",),
}
SPLITTERS: dict[str, dict[str, Any]] = {
    **{name: _steps(_split(pattern), _level(splits=False)) for pattern, names in _PATTERNS.items() for name in names},
    **dict.fromkeys(("gpt-2", "gpt2", "default", "mellum", "mpt", "olmo", "phi-2"), _GPT2),
    **dict.fromkeys(("starcoder", "smollm", "refact", "codeshell", "command-r", "exaone", "minerva-7b"), _STARCODER),
    "deepseek-coder": _steps(*map(_split, _DEEPSEEK_CODER), _DIGITS, _level(splits=False)),
}
# A word that is a token as a whole is not merged anew.
IGNORE_MERGES = frozenset({"llama3", "llama-v3", "llama-bpe", "falcon3", "pixtral", "tekken"})
# Their `tokenizer.json` composes accents first.
COMPOSED = frozenset({"qwen2", "deepseek-r1-qwen"})
