"""A SentencePiece-like vocabulary in the form that llama.cpp can read text with.

llama.cpp's own tokenizer of the Llama family has no idea of words: with the embedded model's pieces it writes the
blanks in front of a word differently from the way the model was trained.  Its byte-level tokenizer splits text into
words first, and of the splitters it has, ``qwen2`` comes nearest: 99 of 100 tokens of Python are the very same, the
others are digits behind a blank and names with two underscores.  So the pieces are respelled in bytes.

Format: the keys ``tokenizer.ggml.*`` of ``gguf.constants``.
"""

from __future__ import annotations

from typing import Any

from infill_completion.engine.checkpoints.tokenizer_files import byte_level_table, is_control

SPLITTER = "qwen2"
FIM = {"fim_pre": "▁<PRE>", "fim_suf": "▁<SUF>", "fim_mid": "▁<MID>", "eot": "▁<EOT>"}


def respelled(piece: str) -> str:
    """Return ``piece`` in the letters that stand for bytes, with a blank for SentencePiece's mark of one."""
    letters = {byte: letter for letter, byte in byte_level_table().items()}
    if byte := byte_of(piece):
        return letters[byte[0]]
    return "".join(letters[byte] for byte in piece.replace("▁", " ").encode())


def byte_of(piece: str) -> bytes:
    """Return the one byte that a piece such as ``<0x0A>`` stands for, else nothing."""
    return bytes([int(piece[3:5], 16)]) if len(piece) == 6 and piece.startswith("<0x") else b""


def pieces(document: dict[str, Any], size: int) -> tuple[list[str], set[int], set[int]]:
    """Return the respelled piece of each id, the ids that text can become, and the control ids."""
    controls = {
        int(token["id"]): token["content"] for token in document["added_tokens"] if is_control(token["content"])
    }
    spelled = [f"<unused_{id_}>" for id_ in range(size)]
    taken: dict[str, int] = {}
    vocab: dict[str, int] = document["model"]["vocab"]
    # Where a byte and a letter spell the same, text is made of the letter.
    for piece, id_ in sorted(vocab.items(), key=lambda entry: bool(byte_of(entry[0]))):
        if id_ not in controls and respelled(piece) not in taken:
            spelled[id_] = respelled(piece)
            taken[spelled[id_]] = id_
    for id_, content in controls.items():
        spelled[id_] = content
    return spelled, set(taken.values()), set(controls)


def merges(document: dict[str, Any]) -> list[str]:
    """Return the merges of two pieces, the first ones first."""
    pairs = (entry.split(" ") if isinstance(entry, str) else entry for entry in document["model"]["merges"])
    return [f"{respelled(left)} {respelled(right)}" for left, right in pairs]


def write(gguf: Any, writer: Any, document: dict[str, Any], size: int) -> None:
    """Write the vocabulary of ``tokenizer.json`` with the tokens of infilling."""
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
