"""Tokenizers from the metadata of GGUF files split text as those that the files were made from."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Library

from infill_completion.engine.checkpoints.gguf.splitters import SPLITTERS
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.errors import ModelError
from infill_completion.prompt.formats import PromptLayout
from tests.catalog.gguf.gguf_writer import gguf, small_model
from tests.prompt.tokenizers import byte_table, family

SOURCE = Path(__file__).read_text("utf-8")
TEXTS = (
    "def f(x):\n    return x + 12345\n", "\tif a != b:\r\n\t\tpass\n\n\n", "  x", "x  ", "", "naïve déjà-vu 北京 😀",
    "it's I'LL we'Re", "a_b.c(d)[0] -> e;", "cafe\u0301", SOURCE[:3000], "<|fim_prefix|> <0> </s>",
)  # fmt: skip
CONTROL = ("<|endoftext|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>", "<|repo_name|>",
           "<|file_sep|>")  # fmt: skip
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def loaded(folder: Path, **changes: Any) -> Tokenizer:
    """Return the tokenizer of the small model with other metadata; None removes a key."""
    metadata, tensors = small_model()
    metadata |= {f"tokenizer.ggml.{key}": value for key, value in changes.items()}
    path = folder / "model.gguf"
    path.write_bytes(gguf({key: value for key, value in metadata.items() if value is not None}, tensors))
    return Tokenizer.load(path)


def trained(splitter: Any) -> Library:
    library = Library(models.BPE())
    library.normalizer = normalizers.NFC()
    library.pre_tokenizer = splitter
    library.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=list(CONTROL), initial_alphabet=byte_table(), show_progress=False
    )
    library.train_from_iterator([SOURCE, "it's déjà vu, I'll 12 345"], trainer)
    return library


def byte_level_keys(library: Library) -> dict[str, Any]:
    """Return the metadata that llama.cpp's converter writes for a byte-level tokenizer."""
    document = json.loads(library.to_str())
    vocab = library.get_vocab(with_added_tokens=True)
    tokens = sorted(vocab, key=lambda token: vocab[token])
    return {
        "tokens": [*tokens, "[PAD0]", "[PAD1]"],
        "token_type": [3 if token in CONTROL else 1 for token in tokens] + [5, 5],
        "merges": [" ".join(pair) for pair in document["model"]["merges"]], "eos_token_id": 0,
        "fim_pre_token_id": None, "fim_suf_token_id": None, "fim_mid_token_id": None,
    }  # fmt: skip


GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
SPLITTING = {
    "qwen2": pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    ),
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), GPT2]),
    "gpt-2": GPT2,
}


@pytest.mark.parametrize("name", SPLITTING)
def test_a_byte_level_tokenizer_gives_the_same_tokens(tmp_path: Path, name: str) -> None:
    library = trained(SPLITTING[name])
    if name != "qwen2":
        library.normalizer = normalizers.Sequence([])
    tokenizer = loaded(tmp_path, pre=name, **byte_level_keys(library))
    special = set(range(len(CONTROL)))
    for text in TEXTS:
        if any(mark in text for mark in CONTROL):  # text never becomes a control token
            assert not special & set(tokenizer.encode(text))
        else:
            assert list(tokenizer.encode(text)) == library.encode(text).ids
            assert tokenizer.decode(tokenizer.encode(text)) == (
                library.normalizer.normalize_str(text) if library.normalizer else text
            )
    infilling = tokenizer.infilling
    assert infilling is not None
    assert infilling.form is family("Qwen2.5-Coder")
    assert (tokenizer.eos, tokenizer.bos) == (0, None)
    assert tokenizer.vocab_size == library.get_vocab_size()  # the padding means nothing


@pytest.mark.parametrize("name", SPLITTERS)
def test_every_splitter_keeps_the_text(tmp_path: Path, name: str) -> None:
    tokenizer = loaded(tmp_path, pre=name)
    for text in TEXTS[:8]:
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_an_unknown_splitter_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not known") as error:
        loaded(tmp_path, pre="new\nest")
    assert "\n" not in str(error.value)


PIECES = ["▁", "a", "b", "c", "d", "e", "f", "x", "(", ")", ":", "▁a", "▁b", "ab", "bc", "abc", "▁ab", "▁abc", "cd",
          "de", "def", "▁def", "ef", "▁▁", "▁▁▁▁", "▁x", "):", "x)"]  # fmt: skip


def sentence_piece_keys(seed: int = 0) -> dict[str, Any]:
    """Return the metadata of a SentencePiece vocabulary with distinct scores."""
    scores = [-float(at) for at in range(len(PIECES))]
    random.Random(seed).shuffle(scores)
    return {
        "model": "llama", "pre": None, "merges": None,
        "tokens": ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *PIECES],
        "token_type": [2, 3, 3, *[6] * 256, *[1] * len(PIECES)], "scores": [0.0] * 259 + scores,
        "bos_token_id": 1, "eos_token_id": 2, "unknown_token_id": 0, "fim_pre_token_id": None,
    }  # fmt: skip


def by_scores(text: str, keys: dict[str, Any]) -> list[int]:
    """Encode as ``llm_tokenizer_spm``: join the neighbours with the best score, leftmost first, then spell bytes."""
    ids = {piece: at for at, piece in enumerate(keys["tokens"]) if keys["token_type"][at] == 1}
    symbols = list("▁" + text.replace(" ", "▁"))
    while True:
        joined = [(keys["scores"][ids[a + b]], -at) for at, (a, b) in enumerate(pairwise(symbols))
                  if a + b in ids]  # fmt: skip
        if not joined:
            break
        at = -max(joined)[1]
        symbols[at : at + 2] = [symbols[at] + symbols[at + 1]]
    return [id_ for symbol in symbols
            for id_ in ([ids[symbol]] if symbol in ids else [3 + byte for byte in symbol.encode()])]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_a_sentence_piece_tokenizer_gives_the_same_tokens(tmp_path: Path, seed: int) -> None:
    keys = sentence_piece_keys(seed)
    tokenizer = loaded(tmp_path, **keys)
    chance = random.Random(seed)
    texts = ["def x(ab):\n    abc", "äa", "  ab", *("".join(chance.choices("abcdef x():", k=30)) for _ in range(50))]
    for text in texts:
        assert list(tokenizer.encode(text)) == by_scores(text, keys), text
        assert tokenizer.decode(tokenizer.encode_infilling(text)) == text
    assert (tokenizer.bos, tokenizer.eos, tokenizer.infilling) == (1, 2, None)


def test_without_a_leading_blank_none_is_added(tmp_path: Path) -> None:
    tokenizer = loaded(tmp_path, **sentence_piece_keys(), add_space_prefix=False)
    assert tokenizer.decode(tokenizer.encode("ab")) == "ab"


@pytest.mark.parametrize(("adds", "bos"), [(True, 1), (False, None), (None, 1)])
def test_the_first_token_is_added_as_the_file_says(tmp_path: Path, adds: bool | None, bos: int | None) -> None:
    assert loaded(tmp_path, **sentence_piece_keys(), add_bos_token=adds).bos == bos
    byte_level = loaded(tmp_path, bos_token_id=1, add_bos_token=adds)
    assert byte_level.bos == (1 if adds else None)


def test_the_marks_may_have_any_names(tmp_path: Path) -> None:
    tokenizer = loaded(tmp_path)
    infilling = tokenizer.infilling
    assert infilling is not None
    assert (infilling.pre, infilling.suf, infilling.mid, infilling.stops) == (1, 2, 3, frozenset(range(4)))
    assert infilling.form.layout is PromptLayout.PSM
    assert not {1, 2, 3} & set(tokenizer.encode("<1><2><3>"))
    older = loaded(tmp_path, fim_pre_token_id=None, fim_suf_token_id=None, fim_mid_token_id=None, prefix_token_id=2,
                   suffix_token_id=1, middle_token_id=3)  # fmt: skip
    assert older.infilling is not None
    assert (older.infilling.pre, older.infilling.suf) == (2, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"fim_mid_token_id": None}, {"fim_mid_token_id": 1}, {"fim_mid_token_id": 9999}, {"fim_mid_token_id": "3"},
    ],
)  # fmt: skip
def test_a_file_without_all_marks_does_not_infill(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert loaded(tmp_path, **changes).infilling is None


@pytest.mark.parametrize(
    "changes",
    [
        {"model": None}, {"model": "bert"}, {"tokens": None}, {"tokens": [1, 2]}, {"token_type": [1]},
        {"tokens": "abc"}, {"merges": ["ab"]}, {"merges": ["no such"]}, {"model": "llama"},
        {"model": "llama", "scores": [0.0]}, {"token_type": "x"},
        {"model": "llama", "scores": [0.0] * 260},  # blanks have no piece there
    ],
)  # fmt: skip
def test_a_vocabulary_that_cannot_be_used_is_one_sentence(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ModelError) as error:
        loaded(tmp_path, **changes)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)
