"""Reads the files of a tokenizer: ``tokenizer.json`` of the tokenizers library and ``tokenizer_config.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, models
from tokenizers import Tokenizer as Backend

from infill_completion.engine.errors import ModelError

_NO_PIECES: dict[str, Any] = {"type": "BPE", "vocab": {}, "merges": []}
_BPE_OPTIONS = (
    "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
    "ignore_merges",
)  # fmt: skip
_ADDED_OPTIONS = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")


@dataclass(frozen=True)
class Ends:
    """The first and the last token of a text according to ``tokenizer_config.json``; None if it does not say."""

    bos: str | None = None
    eos: str | None = None
    adds_bos: bool | None = None


def byte_level_table() -> dict[str, int]:
    """Return the character-to-byte table of GPT-2's byte-level BPE (Radford et al. 2019, ``bytes_to_unicode``)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {chr(byte): byte for byte in printable}
    others = (byte for byte in range(256) if byte not in set(printable))
    return table | {chr(256 + index): byte for index, byte in enumerate(others)}


def contains_type(node: Any, kind: str) -> bool:
    """Return whether a part of ``tokenizer.json`` has the ``type`` ``kind`` or contains a part that has."""
    if isinstance(node, dict):
        return node.get("type") == kind or any(contains_type(value, kind) for value in node.values())
    return isinstance(node, list) and any(contains_type(value, kind) for value in node)


def is_control(content: str) -> bool:
    """Return whether an added token is a control token, and not plain text such as a run of blanks or a letter."""
    return len(content.strip(" ▁\t\n")) > 1


def start_of_text(document: dict[str, Any], added: dict[str, int], ends: Ends) -> int | None:
    """Return the id that the tokenizer itself puts before a text, or None.

    ``add_bos_token`` decides, else the template in ``tokenizer.json``; without either it is Llama's ``<s>``.
    """
    if ends.adds_bos is False:
        return None
    if ends.adds_bos and ends.bos in added:
        return added[ends.bos]
    if document.get("post_processor"):
        # What is put before a text is in the post-processor, with its ids; the vocabulary takes long to read.
        bare = document | {"model": _NO_PIECES, "added_tokens": []}
        ids: list[int] = Backend.from_str(json.dumps(bare)).encode("", add_special_tokens=True).ids
        return ids[0] if ids and ids[0] in added.values() and ids[0] != added.get(ends.eos or "") else None
    return added.get("<s>")


def backend_of(document: dict[str, Any]) -> Backend:
    """Return the library's tokenizer of a ``tokenizer.json``, as ``Backend.from_str`` would.

    That of a byte pair encoding is made from its vocabulary and its merges. As JSON they take five times as long, and
    leave holes in the heap that glibc cannot give back.
    """
    model = document["model"]
    merges = _pairs(model.get("merges"))
    if model.get("type", "BPE") != "BPE" or merges is None:
        return Backend.from_str(json.dumps(document))
    options = {name: model[name] for name in _BPE_OPTIONS if model.get(name) is not None}
    backend: Backend = Backend.from_str(json.dumps(document | {"model": _NO_PIECES, "added_tokens": []}))
    backend.model = models.BPE(model["vocab"], merges, **options)
    added = [AddedToken(**{name: token[name] for name in _ADDED_OPTIONS}) for token in document["added_tokens"]]
    backend.add_tokens(added)
    return backend


def _pairs(merges: Any) -> list[tuple[str, str]] | None:
    """Return the pairs that are merged, which files write in two ways; None if this is neither."""
    if not isinstance(merges, list):
        return None
    pairs = [tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in merges]
    return pairs if all(len(pair) == 2 for pair in pairs) else None


def ends_of(folder: Path) -> Ends:
    """Read ``tokenizer_config.json``, if it exists."""
    file = folder / "tokenizer_config.json"
    if not file.is_file():
        return Ends()
    config = json.loads(file.read_text(encoding="utf-8"))

    def name(key: str) -> str | None:
        value = config.get(key)
        return value.get("content") if isinstance(value, dict) else value

    return Ends(name("bos_token"), name("eos_token"), config.get("add_bos_token"))


def converted(folder: Path) -> dict[str, Any]:
    """Return ``tokenizer.json`` made from ``tokenizer.model`` by transformers."""
    if not (folder / "tokenizer.model").is_file():
        raise ModelError(f"There is no tokenizer in {folder}; fetch the model with `infill-ls models pull`.")
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    document: dict[str, Any] = json.loads(loaded.backend_tokenizer.to_str())
    return document
