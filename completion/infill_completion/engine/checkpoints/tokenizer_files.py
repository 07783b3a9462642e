"""Reads the files of a tokenizer: ``tokenizer.json`` of the tokenizers library and ``tokenizer_config.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Backend

from infill_completion.engine.errors import ModelError


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
        ids: list[int] = Backend.from_str(json.dumps(document)).encode("", add_special_tokens=True).ids
        return ids[0] if ids and ids[0] in added.values() and ids[0] != added.get(ends.eos or "") else None
    return added.get("<s>")


def ends_of(folder: Path) -> Ends:
    """Read ``tokenizer_config.json``, if it exists."""
    file = folder / "tokenizer_config.json"
    if not file.exists():
        return Ends()
    config = json.loads(file.read_text(encoding="utf-8"))

    def name(key: str) -> str | None:
        value = config.get(key)
        return value.get("content") if isinstance(value, dict) else value

    return Ends(name("bos_token"), name("eos_token"), config.get("add_bos_token"))


def converted(folder: Path) -> dict[str, Any]:
    """Return ``tokenizer.json`` made from ``tokenizer.model`` by transformers."""
    if not (folder / "tokenizer.model").exists():
        raise ModelError(f"There is no tokenizer in {folder}; fetch the model with `infill-ls models pull`.")
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    document: dict[str, Any] = json.loads(loaded.backend_tokenizer.to_str())
    return document
