"""A SentencePiece-like vocabulary in a form with which llama.cpp can tokenize text.

llama.cpp's tokenizer for Llama models does not split text into words: with the embedded model's pieces it encodes the
blanks before a word in another way than the model was trained on.  Its byte-level tokenizer does split text into words
first, and of its splitters ``qwen2`` is the closest: 99 of 100 tokens of Python are identical, the others are digits
after a blank and names with two underscores.  So the pieces are respelled in bytes.

Format: the keys ``tokenizer.ggml.*`` of ``gguf.constants``.
"""

from __future__ import annotations

from typing import Any

from infill_completion.engine.checkpoints.tokenizer_files import byte_level_table, is_control

SPLITTER = "qwen2"
FIM = {"fim_pre": "▁<PRE>", "fim_suf": "▁<SUF>", "fim_mid": "▁<MID>", "eot": "▁<EOT>"}


def respelled(piece: str) -> str:
    """Return ``piece`` in the letters that represent bytes, with a blank for SentencePiece's ``▁``."""
    letters = {byte: letter for letter, byte in byte_level_table().items()}
    if byte := byte_of(piece):
        return letters[byte[0]]
    return "".join(letters[byte] for byte in piece.replace("▁", " ").encode())


def byte_of(piece: str) -> bytes:
    """Return the byte that a piece such as ``<0x0A>`` represents; empty for other pieces."""
    return bytes([int(piece[3:5], 16)]) if len(piece) == 6 and piece.startswith("<0x") else b""


def pieces(document: dict[str, Any], size: int) -> tuple[list[str], set[int], set[int]]:
    """Return the respelled piece of each id, the ids that text can encode to, and the control ids."""
    controls = {
        int(token["id"]): token["content"] for token in document["added_tokens"] if is_control(token["content"])
    }
    spelled = [f"<unused_{id_}>" for id_ in range(size)]
    taken: dict[str, int] = {}
    vocab: dict[str, int] = document["model"]["vocab"]
    # If a byte and a letter have the same spelling, text uses the letter.
    for piece, id_ in sorted(vocab.items(), key=lambda entry: bool(byte_of(entry[0]))):
        if id_ not in controls and respelled(piece) not in taken:
            spelled[id_] = respelled(piece)
            taken[spelled[id_]] = id_
    for id_, content in controls.items():
        spelled[id_] = content
    return spelled, set(taken.values()), set(controls)


def merges(document: dict[str, Any]) -> list[str]:
    """Return the merges of two pieces, in order of priority."""
    pairs = (entry.split(" ") if isinstance(entry, str) else entry for entry in document["model"]["merges"])
    return [f"{respelled(left)} {respelled(right)}" for left, right in pairs]


def write(gguf: Any, writer: Any, document: dict[str, Any], size: int) -> None:
    """Write the vocabulary of ``tokenizer.json``, including the infilling tokens."""
    kinds = gguf.TokenType
    spelled, plain, controls = pieces(document, size)
    kind_of = {id_: int(kinds.CONTROL) for id_ in controls} | {id_: int(kinds.NORMAL) for id_ in plain}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(SPLITTER)
    writer.add_token_list(spelled)
    writer.add_token_types([kind_of.get(id_, int(kinds.UNUSED)) for id_ in range(size)])
    writer.add_token_merges(merges(document))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    ids = {token["content"]: int(token["id"]) for token in document["added_tokens"]}
    for name, content in FIM.items():
        if content in ids:
            writer.add_uint32(f"tokenizer.ggml.{name}_token_id", ids[content])
