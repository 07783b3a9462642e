"""The embedded model's tokenizer: a byte-fallback BPE with the layout of CodeLlama's.

Ids 0 to 2 are ``<unk> <s> </s>``, 3 to 258 the bytes ``<0x00>`` to ``<0xFF>``, followed by the pieces and the four
infilling tokens.  As in CodeLlama a space is ``▁``, text gets one leading ``▁``, a newline is the byte ``<0x0A>``
and every digit is a separate piece.  Format: the ``tokenizer.json`` of the ``tokenizers`` library.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from training.corpus import read

INFILLING_TOKENS = ("▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>")
# Words include their leading space and underscores; a run of spaces leaves its last one to the word after it.
PIECES = r"▁+(?=▁)|▁?_*\p{L}+|▁?\p{N}|▁?[^▁\p{L}\p{N}\n]+|▁|\n"
ALPHABET = [chr(code) for code in range(33, 127)] + ["▁", "\t"]


def _trained(texts: list[str], size: int) -> tuple[list[str], list[tuple[str, str]]]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), "isolated")
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=ALPHABET, limit_alphabet=len(ALPHABET), max_token_length=24, min_frequency=20
    )
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return list(model["vocab"]), [(left, right) for left, right in model["merges"]]


def build(texts: list[str], vocab_size: int) -> Tokenizer:
    """Train on ``texts`` and return a tokenizer of ``vocab_size`` ids."""
    specials = ["<unk>", "<s>", "</s>"]
    raw_bytes = [f"<0x{byte:02X}>" for byte in range(256)]
    size = vocab_size - len(specials) - len(raw_bytes) - len(INFILLING_TOKENS)
    pieces, merges = _trained(texts, size)
    vocab = {piece: index for index, piece in enumerate([*specials, *raw_bytes, *pieces, *INFILLING_TOKENS])}
    added = [
        {"id": vocab[token], "content": token, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for token in [*specials, *INFILLING_TOKENS]
    ]  # fmt: skip
    space = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ]},
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": PIECES}, "behavior": "Isolated", "invert": False},
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [
            space, {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": vocab, "merges": [list(merge) for merge in merges]},
    }  # fmt: skip
    return Tokenizer.from_str(json.dumps(document))


def main() -> None:
    """Train the tokenizer on part of the corpus and write ``tokenizer.json`` next to it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("training/run"))
    parser.add_argument("--vocab-size", type=int, default=4096)
    parser.add_argument("--max-chars", type=int, default=60_000_000)
    options = parser.parse_args()
    files = read(options.run / "train.jsonl")
    stride = max(1, sum(len(file.text) for file in files) // options.max_chars)
    tokenizer = build([file.text for file in files[::stride]], options.vocab_size)
    tokenizer.save(str(options.run / "tokenizer.json"))
    held_out = read(options.run / "held_out.jsonl")[:50]
    tokens = sum(len(tokenizer.encode(file.text, add_special_tokens=False).ids) for file in held_out)
    print(f"{tokenizer.get_vocab_size()} ids, {sum(len(f.text) for f in held_out) / tokens:.2f} characters per token")


if __name__ == "__main__":
    main()
