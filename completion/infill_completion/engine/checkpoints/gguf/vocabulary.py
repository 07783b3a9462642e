"""The tokenizer of a GGUF file as a ``tokenizer.json``.

Source: the keys ``tokenizer.ggml.*`` in ``docs/gguf.md`` of ggml, ``llama_token_type`` in ``llama.h``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from infill_completion.catalog.gguf import GgufFile
from infill_completion.engine.checkpoints.gguf.splitters import COMPOSED, IGNORE_MERGES, SPLITTERS
from infill_completion.engine.checkpoints.tokenizer_files import Ends
from infill_completion.engine.errors import ModelError
from infill_completion.prompt.formats import FimFormat

_KEY = "tokenizer.ggml."
# SentencePiece's own limit is 16 characters; runs of blanks are longer.
_MAX_PIECE = 256


class TokenKind(IntEnum):
    """What a token is."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


class Vocabulary(NamedTuple):
    """A tokenizer.

    Attributes:
        document: Its ``tokenizer.json``.
        ends: The tokens that start and end a text.
        form: Its infilling format according to the file; None if the file names no marks.
    """

    document: dict[str, Any]
    ends: Ends
    form: FimFormat | None


def vocabulary(file: GgufFile) -> Vocabulary:
    """Return the tokenizer of a file.

    Raises:
        ModelError: The file has none, or one of a kind that is not supported.
    """
    keys = _Keys(file)
    tokens, kinds = keys.texts("tokens"), keys.numbers("token_type")
    if not tokens or (kinds and len(kinds) != len(tokens)):
        raise ModelError(f"{file.path.name} has no complete vocabulary; fetch another file of the model.")
    kind_of = [int(kind) for kind in kinds] or [int(TokenKind.NORMAL)] * len(tokens)
    model, ids = keys.text("model"), _ids(tokens, kind_of)
    roles = {name: keys.token(f"{name}_token_id", tokens) for name in ("bos", "eos", "unknown")}
    added = {ids[name] for name in (roles["bos"], roles["eos"]) if name in ids}
    marked = {TokenKind.UNKNOWN, TokenKind.CONTROL, TokenKind.USER_DEFINED}
    added |= {id_ for id_ in ids.values() if kind_of[id_] in marked}
    if model == "gpt2":
        document = _byte_level(keys, ids, added)
    elif model == "llama":
        document = _sentence_pieces(keys, ids, kind_of, roles["unknown"])
    else:
        raise ModelError(
            f"{file.path.name} has a tokenizer of the kind `{model[:40]!a}`, which is not supported; choose another."
        )
    document |= {"version": "1.0", "truncation": None, "padding": None, "post_processor": None}
    document["added_tokens"] = [_added(id_, tokens[id_], kind_of[id_]) for id_ in sorted(added)]
    adds_bos = keys.flag("add_bos_token", model == "llama" or keys.text("pre", "") in IGNORE_MERGES)
    return Vocabulary(document, Ends(roles["bos"], roles["eos"], adds_bos), _format(keys, tokens, roles["eos"]))


def _ids(tokens: Sequence[str], kinds: Sequence[int]) -> dict[str, int]:
    """Return the id of each token that text or a model can use; of equal tokens the first counts."""
    ids: dict[str, int] = {}
    for id_, token in enumerate(tokens):
        if kinds[id_] != TokenKind.UNUSED:
            ids.setdefault(token, id_)
    return ids


def _added(id_: int, content: str, kind: int) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": id_, "content": content, **flags, "special": kind != TokenKind.USER_DEFINED}


def _byte_level(keys: _Keys, ids: Mapping[str, int], added: set[int]) -> dict[str, Any]:
    """Return a byte-level BPE (Radford et al. 2019)."""
    usual = "qwen2" if str(keys.file.metadata.get("general.architecture")).startswith("qwen") else "default"
    name = keys.text("pre", usual)
    if name not in SPLITTERS:
        raise ModelError(
            f"{keys.file.path.name} splits words as `{name[:40]!a}` does, which is not known; choose another model."
        )
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {
        "normalizer": {"type": "NFC"} if name in COMPOSED else None,
        "pre_tokenizer": SPLITTERS[name],
        "decoder": level,
        "model": {
            "type": "BPE", "vocab": {token: id_ for token, id_ in ids.items() if id_ not in added},
            "merges": [_pair(merge) for merge in keys.texts("merges")], "ignore_merges": name in IGNORE_MERGES,
        },
    }  # fmt: skip


def _pair(merge: str) -> list[str]:
    """Return the two parts of a merge; the first blank after the first letter separates them."""
    at = merge.find(" ", 1)
    if at < 0:
        raise ValueError("a merge has one part")
    return [merge[:at], merge[at + 1 :]]


def _sentence_pieces(keys: _Keys, ids: Mapping[str, int], kinds: Sequence[int], unknown: str | None) -> dict[str, Any]:
    """Return a SentencePiece BPE, whose merges follow from the scores of its pieces."""
    lead = [{"type": "Prepend", "prepend": "▁"}] if keys.flag("add_space_prefix", True) else []
    start = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if lead else []
    blank = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    text = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    return {
        "normalizer": {"type": "Sequence", "normalizers": [*lead, blank]},
        "pre_tokenizer": None,
        "decoder": {"type": "Sequence", "decoders": [text, {"type": "ByteFallback"}, {"type": "Fuse"}, *start]},
        "model": {
            "type": "BPE", "vocab": dict(ids), "merges": _merges(ids, kinds, keys.numbers("scores")),
            "unk_token": unknown, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
        },
    }  # fmt: skip


def _merges(ids: Mapping[str, int], kinds: Sequence[int], scores: Sequence[float]) -> list[list[str]]:
    """Return all pairs of pieces that make a piece, the best score of the result first.

    Pairs with the same result are in the order in which transformers puts them (``generate_merges``).
    """
    if len(scores) != len(kinds):
        raise ValueError("there is not one score for each piece")
    plain = {TokenKind.NORMAL, TokenKind.USER_DEFINED}
    pieces = {piece: id_ for piece, id_ in ids.items() if kinds[id_] in plain and len(piece) <= _MAX_PIECE}
    found: list[tuple[float, int, int, str, str]] = []
    for piece, id_ in pieces.items():
        pairs = ((piece[:at], piece[at:]) for at in range(1, len(piece)))
        here = [(left, right) for left, right in pairs if left in ids and right in ids]
        here.sort(key=lambda pair: (ids[pair[0]], ids[pair[1]]))
        found += [(scores[id_], len(left), len(right), left, right) for left, right in here]
    found.sort(key=lambda entry: entry[:3], reverse=True)
    return [[left, right] for *_, left, right in found]


def _format(keys: _Keys, tokens: Sequence[str], eos: str | None) -> FimFormat | None:
    """Return the format whose marks the metadata name."""
    marks = [
        next(filter(None, (keys.token(f"{key}_token_id", tokens) for key in names)), None)
        for names in (("fim_pre", "prefix"), ("fim_suf", "suffix"), ("fim_mid", "middle"))
    ]
    prefix, suffix, middle = marks
    others = [keys.token(f"{key}_token_id", tokens) for key in ("eot", "fim_pad", "fim_rep", "fim_sep")]
    ends = tuple(dict.fromkeys(name for name in (eos, *others) if name))
    if prefix is None or suffix is None or middle is None or not ends or len(set(marks)) < len(marks):
        return None
    return FimFormat("GGUF", r"(?!)", prefix, suffix, middle, ends)


class _Keys:
    """The keys of a file's tokenizer, checked."""

    def __init__(self, file: GgufFile) -> None:
        self.file = file

    def _value(self, key: str, default: Any) -> Any:
        return self.file.metadata.get(_KEY + key, default)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text."""
        value = self._value(key, default)
        if not isinstance(value, str):
            raise ModelError(f"{self.file.path.name} has no `{_KEY}{key}`; fetch another file of the model.")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Return a truth value."""
        value = self._value(key, default)
        return value if isinstance(value, bool) else default

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty if there is none."""
        return self._list(key, str)

    def numbers(self, key: str) -> tuple[Any, ...]:
        """Return a list of numbers, empty if there is none."""
        return self._list(key, (int, float))

    def _list(self, key: str, kind: type | tuple[type, ...]) -> tuple[Any, ...]:
        value = self._value(key, ())
        if not isinstance(value, tuple) or not all(isinstance(item, kind) for item in value[:1]):
            raise ModelError(f"`{_KEY}{key}` in {self.file.path.name} is of the wrong type; fetch the file again.")
        return value

    def token(self, key: str, tokens: Sequence[str]) -> str | None:
        """Return the token whose id a key gives, or None."""
        value = self._value(key, None)
        return tokens[value] if type(value) is int and 0 <= value < len(tokens) else None
