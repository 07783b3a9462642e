"""Headers of GGUF files: whole ones are read, and all others are an error in one sentence that costs no memory."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from infill_completion.catalog.gguf import GgufError, describe, is_gguf, read
from tests.catalog.gguf.gguf_writer import Stored, floats, gguf, small_model, text, typed


def written(folder: Path, data: bytes, name: str = "model.gguf") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def sentence(path: Path) -> str:
    """Return the error of a file, after checking that it is one sentence with a next step."""
    with pytest.raises(GgufError) as error:
        describe(read(path))
    message = str(error.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 400
    assert any(step in message for step in ("fetch", "choose", "check", "join"))
    return message


def changed(**changes: Any) -> bytes:
    """Return the small model with other metadata; None removes a key."""
    metadata, tensors = small_model()
    for key, value in changes.items():
        metadata[key] = value
    return gguf({key: value for key, value in metadata.items() if value is not None}, tensors)


def test_a_header_is_read(tmp_path: Path) -> None:
    metadata, tensors = small_model()
    metadata |= {"x.negative": -7, "x.list": [1, 2, 3], "x.empty": [], "x.flag": True, "x.text": "ä\n"}
    path = written(tmp_path, gguf(metadata, tensors))
    file = read(path)
    assert is_gguf(path)
    assert file.metadata["x.negative"] == -7
    assert file.metadata["x.list"] == (1, 2, 3)
    assert file.metadata["x.empty"] == ()
    assert file.metadata["x.flag"] is True
    assert file.metadata["x.text"] == "ä\n"
    assert set(file.tensors) == set(tensors)
    whole = path.read_bytes()
    for name, entry in file.tensors.items():
        assert entry.shape == tensors[name].shape
        assert whole[entry.start : entry.start + entry.bytes] == tensors[name].data


def test_a_model_is_described(tmp_path: Path) -> None:
    description = describe(read(written(tmp_path, changed(), "small-coder-Q4_K_M.gguf")))
    shape = description.shape
    assert (shape.layers, shape.hidden, shape.intermediate) == (1, 8, 16)
    assert (shape.heads, shape.kv_heads, shape.head_dim, shape.vocab, shape.tied) == (2, 1, 4, 260, True)
    assert description.names == ("small-coder", "small-coder-Q4_K_M", "Small")
    assert (description.context_tokens, description.rope_base, description.rope_factor) == (64, 10_000.0, 1.0)
    assert description.stored_as == "F32"


def test_every_shorter_file_is_an_error(tmp_path: Path) -> None:
    metadata, tensors = small_model()
    metadata = {key: value for key, value in metadata.items() if not isinstance(value, list)}
    whole = gguf(metadata, {name: tensors[name] for name in ("token_embd.weight", "output_norm.weight")})
    read(written(tmp_path, whole))
    for length in (*range(0, 900, 7), len(whole) - 40):
        assert "damaged or incomplete" in sentence(written(tmp_path, whole[:length]))


def header(tensors: int = 0, keys: int = 0, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


def tensor(*, name: str = "t", shape: tuple[int, ...] = (32,), code: int = 0, offset: int = 0) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + struct.pack("<IQ", code, offset)


HUGE = 1 << 62
HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "another format": b"PK\3\4" + bytes(100),
    "version 1": header(version=1) + bytes(100),
    "big-endian": b"GGUF" + struct.pack(">IQQ", 3, 1, 1) + bytes(100),
    "tensors without end": header(tensors=HUGE) + bytes(100),
    "keys without end": header(keys=HUGE) + bytes(100),
    "keys beyond the limit": header(keys=70_000) + bytes(2_000_000),
    "key without end": header(keys=1) + struct.pack("<Q", HUGE) + bytes(100),
    "text without end": header(keys=1) + text("k") + struct.pack("<IQ", 8, HUGE) + bytes(100),
    "list without end": header(keys=1) + text("k") + struct.pack("<IIQ", 9, 4, HUGE) + bytes(100),
    "list beyond the limit": header(keys=1) + text("k") + struct.pack("<IIQ", 9, 0, 3_000_000) + bytes(3_000_100),
    "list of lists": header(keys=1) + text("k") + struct.pack("<IIQ", 9, 9, 1) + bytes(100),
    "unknown type": header(keys=1) + text("k") + struct.pack("<I", 99) + bytes(100),
    "key twice": header(keys=2) + (text("k") + typed(1)) * 2 + bytes(100),
    "alignment 0": header(keys=1) + text("general.alignment") + typed(0) + bytes(100),
    "alignment 33": header(keys=1) + text("general.alignment") + typed(33) + bytes(100),
    "alignment text": header(keys=1) + text("general.alignment") + typed("32") + bytes(100),
    "alignment huge": header(keys=1) + text("general.alignment") + typed(1 << 31) + bytes(100),
    "five dimensions": header(tensors=1) + tensor(shape=(1, 1, 1, 1, 1)) + bytes(500),
    "dimensions without end": header(tensors=1) + text("t") + struct.pack("<I", 1 << 31) + bytes(500),
    "size beyond the file": header(tensors=1) + tensor(shape=(HUGE, HUGE, HUGE, HUGE)) + bytes(500),
    "empty dimension": header(tensors=1) + tensor(shape=(0, 32)) + bytes(500),
    "half a block": header(tensors=1) + tensor(shape=(33,), code=2) + bytes(500),
    "unknown tensor type": header(tensors=1) + tensor(code=77) + bytes(500),
    "unaligned": header(tensors=1) + tensor(offset=8) + bytes(500),
    "offset beyond the file": header(tensors=1) + tensor(offset=1 << 60) + bytes(500),
    "tensor twice": header(tensors=2) + tensor() + tensor(offset=128) + bytes(500),
    "overlap": header(tensors=2) + tensor(name="a") + tensor(name="b", offset=32) + bytes(500),
    "name without end": header(tensors=1) + struct.pack("<Q", HUGE) + bytes(500),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_one_sentence_and_costs_no_memory(tmp_path: Path, case: str) -> None:
    path = written(tmp_path, HOSTILE[case])
    tracemalloc.start()
    try:
        sentence(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no architecture": ({"general.architecture": None}, "general.architecture"),
    "another architecture": ({"general.architecture": "mamba\n"}, "mamba?"),
    "no layers": ({"llama.block_count": None}, "block_count"),
    "zero heads": ({"llama.attention.head_count": 0}, "head_count"),
    "text for a number": ({"llama.embedding_length": "8"}, "embedding_length"),
    "a flag for a number": ({"llama.block_count": True}, "block_count"),
    "heads for each layer": ({"llama.attention.head_count_kv": [1, 2]}, "head_count_kv"),
    "heads that share unevenly": ({"llama.attention.head_count": 3, "llama.attention.head_count_kv": 2}, "heads"),
    "endless layers": ({"llama.block_count": 1 << 31}, "block_count"),
    "epsilon not a number": ({"llama.attention.layer_norm_rms_epsilon": float("nan")}, "epsilon"),
    "endless base": ({"llama.rope.freq_base": float("inf")}, "freq_base"),
    "half rotated": ({"llama.rope.dimension_count": 2}, "heads"),
    "YaRN": ({"llama.rope.scaling.type": "yarn", "llama.rope.scaling.factor": 4.0}, "yarn"),
    "experts": ({"llama.expert_count": 8}, "experts"),
    "one part of several": ({"split.count": 3}, "llama-gguf-split"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_a_model_that_cannot_be_used_is_one_sentence(tmp_path: Path, case: str) -> None:
    changes, expected = CONTRADICTIONS[case]
    assert expected in sentence(written(tmp_path, changed(**changes)))


def test_a_name_of_a_file_cannot_break_the_sentence(tmp_path: Path) -> None:
    assert "a?b" in sentence(written(tmp_path, b"GGUF", "a\nb.gguf"))


def test_a_folder_and_a_missing_file_are_one_sentence(tmp_path: Path) -> None:
    sentence(tmp_path)
    sentence(tmp_path / "nowhere.gguf")
    assert not is_gguf(tmp_path)
    assert not is_gguf(tmp_path / "nowhere.gguf")


@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4.0}, 4.0),
        ({"llama.rope.scale_linear": 4.0}, 4.0),
        ({"llama.rope.scaling.type": "none", "llama.rope.scaling.factor": 4.0}, 1.0),
        ({"llama.rope.scaling.type": "yarn", "llama.rope.scaling.factor": 1.0}, 1.0),
    ],
)
def test_linear_scaling_is_read(tmp_path: Path, changes: dict[str, Any], factor: float) -> None:
    assert describe(read(written(tmp_path, changed(**changes)))).rope_factor == factor


def test_a_file_without_embeddings_is_no_model(tmp_path: Path) -> None:
    metadata, tensors = small_model()
    del tensors["token_embd.weight"]
    assert "embeddings" in sentence(written(tmp_path, gguf(metadata, tensors)))
    tensors["token_embd.weight"] = floats((8,), [0.0] * 8)
    assert "embeddings" in sentence(written(tmp_path, gguf(metadata, tensors)))


def test_types_that_cannot_be_read_are_known_by_size(tmp_path: Path) -> None:
    metadata, tensors = small_model()
    tensors["output.weight"] = Stored("MXFP4", (260, 32), bytes(260 * 17))
    assert read(written(tmp_path, gguf(metadata, tensors))).tensors["output.weight"].bytes == 260 * 17


@pytest.mark.parametrize("code", [31, 40])  # Q4_0_4_4, which llama.cpp withdrew, and one that is newer
def test_a_type_that_is_not_known_is_no_damage(tmp_path: Path, code: int) -> None:
    message = sentence(written(tmp_path, header(tensors=1) + tensor(code=code) + bytes(500)))
    assert f"type {code}" in message
    assert "fetch the file again" not in message  # it would be the same file
    assert "choose a file in another quantization" in message


@pytest.mark.parametrize(("kind", "width"), [(2, 2), (6, 4)])  # as objects they take 32 bytes
def test_many_lists_cost_no_more_memory_than_one(tmp_path: Path, kind: int, width: int) -> None:
    count = 1 << 20
    lists = [text(f"k{number}") + struct.pack("<IIQ", 9, kind, count) + b"\x34\x12\x34\x44"[:width] * count
             for number in range(4)]  # fmt: skip
    path = written(tmp_path, header(keys=4) + b"".join(lists) + bytes(100))
    tracemalloc.start()
    try:
        assert "items in lists" in sentence(path)
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


def test_the_vocabularies_of_the_largest_real_models_fit(tmp_path: Path) -> None:
    tokens, merges = 262_144, 514_906  # Gemma's tokens, and as many merges as byte-level ones of that size have
    body = struct.pack("<Q", 1) + b"a"
    lists = [text("tokens") + struct.pack("<IIQ", 9, 8, tokens) + body * tokens,
             text("merges") + struct.pack("<IIQ", 9, 8, merges) + body * merges,
             text("types") + struct.pack("<IIQ", 9, 5, tokens) + bytes(4 * tokens),
             text("scores") + struct.pack("<IIQ", 9, 6, tokens) + bytes(4 * tokens)]  # fmt: skip
    file = read(written(tmp_path, header(keys=4) + b"".join(lists) + bytes(100)))
    assert [len(value) for value in file.metadata.values() if isinstance(value, tuple)] == [
        tokens, merges, tokens, tokens,
    ]  # fmt: skip
