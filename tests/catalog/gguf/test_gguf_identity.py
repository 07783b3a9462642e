"""GGUF files are recognised as known models by name and shape, and tuned variants are not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from infill_completion.catalog.gguf.identity import known_by_name, known_files
from tests.catalog.gguf.gguf_writer import gguf, small_model

QWEN = {
    "llama.block_count": 24,
    "llama.embedding_length": 896,
    "llama.attention.head_count": 14,
    "llama.attention.head_count_kv": 2,
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("qwen2.5-coder-0.5b-q8_0.gguf", "Qwen/Qwen2.5-Coder-0.5B"),
        ("Qwen2.5-Coder-7B.Q4_K_M.gguf", "Qwen/Qwen2.5-Coder-7B"),
        ("Qwen_Qwen2.5-Coder-3B-GGUF_qwen2.5-coder-3b-q8_0.gguf", "Qwen/Qwen2.5-Coder-3B"),
        ("qwen2.5-coder:1.5b-base", "Qwen/Qwen2.5-Coder-1.5B"),
        ("hf.co/Qwen/Qwen2.5-Coder-3B-GGUF:Q8_0", "Qwen/Qwen2.5-Coder-3B"),
        ("codellama:7b-code-q4_K_M", "codellama/CodeLlama-7b-hf"),
        ("starcoder2:3b", "bigcode/starcoder2-3b"),
        ("starcoder2-7b.Q4_K_M.gguf", "bigcode/starcoder2-7b"),
        ("granite-code:3b-base-q4_K_M", "ibm-granite/granite-3b-code-base-2k"),
        ("granite-8b-code-base-4k.Q5_K_M.gguf", "ibm-granite/granite-8b-code-base-4k"),
        ("granite-3.3-2b-base-Q8_0.gguf", "ibm-granite/granite-3.3-2b-base"),
        # Without `base` or `code`, Ollama's tags of these are tuned for chat.
        ("codellama:7b", None),
        ("codellama:13b-instruct-q4_0", None),
        ("qwen2.5-coder:7b", None),
        ("qwen2.5-coder:latest", None),
        ("deepseek-coder:6.7b", None),
        ("deepseek-coder:6.7b-base", "deepseek-ai/deepseek-coder-6.7b-base"),
        ("granite-code:8b", None),
        ("codellama-13b.Q4_0.gguf", "codellama/CodeLlama-13b-hf"),
        ("deepseek-coder-6.7b-base.Q4_K_M.gguf", "deepseek-ai/deepseek-coder-6.7b-base"),
        ("Seed-Coder-8B-Base-IQ4_XS.gguf", "ByteDance-Seed/Seed-Coder-8B-Base"),
        ("qwen2.5-coder-0.5b-instruct-q8_0.gguf", None),
        ("my-qwen2.5-coder-0.5b.gguf", None),
        ("smollm2.gguf", None),
        ("", None),
        ("a/:b", None),
    ],
)
def test_a_name_means_a_model(name: str, expected: str | None) -> None:
    model = known_by_name(name)
    assert (model.id if model else None) == expected


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of LM Studio in an otherwise empty home directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("OLLAMA_MODELS", "LLAMA_CACHE", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / ".lmstudio" / "models" / "acme" / "coder"
    folder.mkdir(parents=True)
    return folder


def test_only_a_file_with_the_right_name_shape_and_marks_counts(studio: Path) -> None:
    metadata, tensors = small_model()
    (studio / "qwen2.5-coder-0.5b-q8_0.gguf").write_bytes(gguf(metadata | QWEN, tensors))
    (studio / "qwen2.5-coder-1.5b-q8_0.gguf").write_bytes(gguf(metadata | QWEN, tensors))  # another shape
    tuned = metadata | QWEN | {"general.name": "Qwen2.5 Coder 0.5B Instruct"}
    (studio / "qwen2.5-coder-0.5b.gguf").write_bytes(gguf(tuned, tensors))
    (studio / "qwen2.5-coder-3b.gguf").write_bytes(b"GGUF of nothing")
    assert [(model.id, file.path.name) for model, file in known_files()] == [
        ("Qwen/Qwen2.5-Coder-0.5B", "qwen2.5-coder-0.5b-q8_0.gguf"),
        ("Qwen/Qwen2.5-Coder-3B", "qwen2.5-coder-3b.gguf"),  # by its name, to say why it is not used
    ]
    assert [bool(file.problem) for _, file in known_files()] == [False, True]


def test_files_of_other_names_are_not_read(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (studio / "somebodys-own.gguf").write_bytes(b"GGUF")
    module = sys.modules["infill_completion.catalog.gguf.found"]  # a function of that name hides it
    monkeypatch.setattr(module, "read", lambda path: pytest.fail(f"read {path}"))
    assert known_files() == []
