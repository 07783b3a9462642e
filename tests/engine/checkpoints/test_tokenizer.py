from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend

from infill_completion.engine.checkpoints.pieces import Pieces
from infill_completion.engine.checkpoints.selection import EMBEDDED, find
from infill_completion.engine.checkpoints.tokenizer import SENTINEL, Tokenizer
from infill_completion.engine.checkpoints.tokenizer_files import backend_of
from infill_completion.engine.decoding.detokenizer import Detokenizer
from infill_completion.engine.errors import ModelError

PARTS = ["a", "_", " ", "\n", "(", "1", "é", "😀", "</s>", "<s>", "▁<PRE>", "<0x0A>", "def", "☺"]
TEXT = st.lists(st.sampled_from(PARTS)).map("".join)
TOKENIZER = Tokenizer.load(EMBEDDED)


def test_text_comes_back_as_it_was() -> None:
    text = "def é(x):\n\treturn  '😀'  # ☺\n"
    assert TOKENIZER.decode(TOKENIZER.encode_infilling(text)) == text
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == " " + text


@given(TEXT)
def test_no_text_becomes_a_control_token(text: str) -> None:
    for ids in (TOKENIZER.encode(text), TOKENIZER.encode_infilling(text), TOKENIZER.encode_line(text)):
        assert TOKENIZER.control.isdisjoint(ids)
    assert TOKENIZER.decode(TOKENIZER.encode_infilling(text)) == text.replace("▁", " ")


def test_control_tokens_are_out_of_reach_even_where_the_library_would_make_them() -> None:
    library = Backend.from_file(str(EMBEDDED / "tokenizer.json"))
    assert library.token_to_id("</s>") in library.encode("</s>", add_special_tokens=False).ids
    assert TOKENIZER.eos not in TOKENIZER.encode("</s>")


def test_merges_that_spell_a_control_token_are_undone() -> None:
    document = json.loads((EMBEDDED / "tokenizer.json").read_text(encoding="utf-8"))
    vocab: dict[str, int] = document["model"]["vocab"]
    for piece in ("</", "</s"):
        vocab.setdefault(piece, len(vocab))
    document["model"]["merges"] = [["<", "/"], ["</", "s"], ["</s", ">"], *document["model"]["merges"]]
    tokenizer = Tokenizer(document)
    ids = tokenizer.encode_infilling("x</s>y")
    assert tokenizer.eos not in ids
    assert tokenizer.decode(ids) == "x</s>y"


@given(TEXT)
def test_infilling_is_encoding_behind_a_sentinel(text: str) -> None:
    sentinel = TOKENIZER.encode(SENTINEL)
    assert TOKENIZER.encode(SENTINEL + text) == (*sentinel, *TOKENIZER.encode_infilling(text))


@given(TEXT)
def test_lines_encoded_singly_are_the_text_encoded_whole(text: str) -> None:
    assert TOKENIZER.newline_separates
    first, *rest = text.split("\n")
    singly = [*TOKENIZER.encode(first + "\n" if rest else first)]
    for number, line in enumerate(rest):
        singly += TOKENIZER.encode_line(line + "\n" if number < len(rest) - 1 else line)
    assert singly == [*TOKENIZER.encode(text)]


def test_the_implicit_space_tells_words_from_word_ends() -> None:
    assert TOKENIZER.encode_infilling("r") != TOKENIZER.encode_infilling(" r") == TOKENIZER.encode("r")
    assert TOKENIZER.encode_infilling("") == ()


def test_a_character_of_several_tokens_comes_out_once_it_is_whole() -> None:
    detokenizer = Detokenizer(TOKENIZER)
    ids = TOKENIZER.encode_infilling("x😀 y")
    texts = [detokenizer.push(id_) for id_ in ids]
    assert "".join(texts) == "x😀 y"
    assert "" in texts
    assert detokenizer.flush() == ""


def test_half_a_character_at_the_end_is_replaced() -> None:
    detokenizer = Detokenizer(TOKENIZER)
    assert detokenizer.push(TOKENIZER.encode_infilling("😀")[0]) == ""
    assert detokenizer.flush() == "\N{REPLACEMENT CHARACTER}"


def test_a_folder_without_tokenizer_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="infill-ls models pull"):
        Tokenizer.load(tmp_path)


def test_a_damaged_tokenizer_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        Tokenizer.load(tmp_path)


@pytest.fixture(scope="module")
def codellama() -> Any:
    for name in ("codellama/CodeLlama-7b-hf", "codellama/CodeLlama-13b-hf", "codellama/CodeLlama-7b-Instruct-hf"):
        try:
            return Tokenizer.load(find(name))
        except ModelError:
            continue
    pytest.skip("no CodeLlama tokenizer in the local Hugging Face cache")


@pytest.mark.hub
def test_codellama_prompts_have_the_ids_of_metas_code(codellama: Tokenizer) -> None:
    from infill_completion.prompt.formats import PromptLayout
    from infill_completion.prompt.tokens import PromptOptions, build_prompt

    options = PromptOptions(layout=PromptLayout.PSM, heal=False)
    prefix = 'def remove_non_ascii(s: str) -> str:\n    """ '
    prompt = build_prompt(codellama, prefix, "\n    return result\n", (), options)
    # Printed by Meta's reference code for this example (llama.cpp, issue 3503).
    golden = """1 32007 822 3349 29918 5464 29918 294 18869 29898 29879 29901 851 29897 1599 851 29901 13 1678 9995
                29871 32008 13 1678 736 1121 13 32009"""
    assert prompt.ids == [int(id_) for id_ in golden.split()]


def embedded_document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((EMBEDDED / "tokenizer.json").read_text(encoding="utf-8"))
    return document


def with_model(**options: Any) -> dict[str, Any]:
    document = embedded_document()
    document["model"] |= options
    return document


def with_merges_as_text() -> dict[str, Any]:
    return with_model(merges=[" ".join(pair) for pair in embedded_document()["model"]["merges"]])


def with_added(**flags: bool) -> dict[str, Any]:
    document = embedded_document()
    document["added_tokens"] += [
        {"id": len(document["model"]["vocab"]) + index, "content": f"<added{index}>", **flags} for index in range(3)
    ]
    return document


FLAGS = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(embedded_document(), id="as it is"),
        pytest.param(with_merges_as_text(), id="merges as text"),
        pytest.param(with_model(unk_token=None, fuse_unk=False, byte_fallback=False), id="no unknown token"),
        pytest.param(with_model(ignore_merges=True, dropout=None), id="whole words first"),
        pytest.param(with_model(merges=[]), id="no merges"),
        pytest.param(with_added(**FLAGS), id="added tokens"),
        pytest.param(with_added(**FLAGS | {"special": True, "lstrip": True}), id="added control tokens"),
        pytest.param(
            with_model() | {"model": {"type": "WordLevel", "vocab": {"a": 0, "<unk>": 1}, "unk_token": "<unk>"},
                            "added_tokens": []},
            id="another kind",
        ),
    ],
)  # fmt: skip
def test_a_backend_is_what_the_library_reads_from_the_file(document: dict[str, Any]) -> None:
    library = Backend.from_str(json.dumps(document))
    made = backend_of(document)
    assert made.to_str() == library.to_str()
    text = "def a(x):\n    return  <added1>x</s>☺ <s>é"
    assert made.encode(text).ids == library.encode(text).ids


def test_pieces_are_read_like_a_list() -> None:
    pieces = Pieces([b"a", b"", b"bc"])
    assert list(pieces) == [b"a", b"", b"bc"]
    assert pieces.joined([2, 0]) == b"bca"
    for index in (3, -1):
        with pytest.raises(IndexError):
            pieces[index]
