"""GGUF files that other programs keep on this machine are found, under names that ``engine.model`` may say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infill_completion.catalog.gguf import GgufError, found, in_folder, ollama_model
from tests.catalog.gguf.gguf_writer import gguf, small_model

DIGEST = "0123456789abcdef" * 4


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("OLLAMA_MODELS", "LLAMA_CACHE", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def model(path: Path, **changes: object) -> Path:
    """Write a small model."""
    metadata, tensors = small_model()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gguf(metadata | changes, tensors))
    return path


def ollama(root: Path, name: str, digest: object = f"sha256:{DIGEST}") -> Path:
    """Write a model of Ollama's, ``HOST/NAMESPACE/MODEL/TAG``, and return its blob."""
    manifest = root / "manifests" / name
    manifest.parent.mkdir(parents=True, exist_ok=True)
    layers = [
        {"mediaType": "application/vnd.ollama.image.license", "digest": "sha256:" + "f" * 64},
        {"mediaType": "application/vnd.ollama.image.model", "digest": digest},
    ]
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    return model(root / "blobs" / f"sha256-{DIGEST}")


def test_nothing_is_found_where_nothing_is(home: Path) -> None:
    assert found([home]) == []


def test_each_program_keeps_its_files_elsewhere(home: Path) -> None:
    blob = ollama(home / ".ollama" / "models", "registry.ollama.ai/library/small-coder/1b")
    snapshot = model(home / ".cache/huggingface/hub/models--acme--small-GGUF/snapshots/abc/q8/small.Q8_0.gguf")
    studio = model(home / ".lmstudio" / "models" / "acme" / "small" / "small-Q4_0.gguf")
    cache = model(home / ".cache" / "llama.cpp" / "acme_small.gguf")
    own = model(home / "my models" / "a" / "mine.gguf")
    model(home / ".lmstudio" / "models" / "acme" / "small" / "mmproj-small.gguf")
    files = found([home / "my models"])
    assert [(file.name, file.path, file.source) for file in files] == [
        (str(own), own, str(home / "my models")), ("small-coder:1b", blob, "Ollama"),
        (str(snapshot), snapshot, "Hugging Face"), (str(studio), studio, "LM Studio"), (str(cache), cache, "llama.cpp"),
    ]  # fmt: skip
    assert all(file.infills and not file.problem and file.description for file in files)
    assert all(file.bytes == file.path.stat().st_size for file in files)


def test_chosen_folders_replace_the_usual_ones(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_MODELS", str(home / "o"))
    monkeypatch.setenv("LLAMA_CACHE", str(home / "l"))
    (home / ".lmstudio-home-pointer").write_text(f"{home / 's'}\n")
    ollama(home / "o", "example.org/team/coder/latest")
    model(home / "l" / "a.gguf")
    model(home / "s" / "models" / "b.gguf")
    assert [(file.path.name, file.source) for file in found()] == [
        (f"sha256-{DIGEST}", "Ollama"), ("b.gguf", "LM Studio"), ("a.gguf", "llama.cpp"),
    ]  # fmt: skip


def test_a_file_is_listed_once(home: Path) -> None:
    model(home / ".cache" / "llama.cpp" / "a.gguf")
    assert len(found([home / ".cache", home])) == 1


def test_a_file_that_cannot_be_used_says_why(home: Path) -> None:
    (home / "broken.gguf").write_bytes(b"GGUF")
    model(home / "other.gguf", **{"general.architecture": "mamba"})
    problems = {file.path.name: file.problem for file in found([home])}
    assert "damaged or incomplete" in problems["broken.gguf"]
    assert "`mamba`" in problems["other.gguf"]


def test_a_model_without_marks_does_not_infill(home: Path) -> None:
    metadata, tensors = small_model()
    kept = {key: value for key, value in metadata.items() if "fim_mid" not in key}
    (home / "chat.gguf").write_bytes(gguf(kept, tensors))
    assert [file.infills for file in found([home])] == [False]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("small-coder:1b", "registry.ollama.ai/library/small-coder/1b"),
        ("acme/small:q4_K_M", "registry.ollama.ai/acme/small/q4_K_M"),
        ("hf.co/acme/small-GGUF:Q8_0", "hf.co/acme/small-GGUF/Q8_0"),
    ],
)
def test_a_tag_names_the_file(home: Path, name: str, place: str) -> None:
    blob = ollama(home / ".ollama" / "models", place)
    assert ollama_model(name) == blob
    assert [file.name for file in found()] == [name]
    assert ollama_model(f"{name}x") is None


@pytest.mark.parametrize(
    "digest",
    [
        "../../../etc/passwd", "sha256:../../x", f"sha256:{'A' * 64}", f"md5:{DIGEST}", 7, None, [],
        f"sha256:{'0' * 64}",
    ],
)  # fmt: skip
def test_a_manifest_cannot_name_other_files(home: Path, digest: object) -> None:
    ollama(home / ".ollama" / "models", "registry.ollama.ai/library/small/1b", digest)
    assert ollama_model("small:1b") is None
    assert found() == []


@pytest.mark.parametrize(
    "name", ["..:..", "../../x:y", "a/../b:c", "/etc/x:y", "a:b:c", ":", "a:", ":b", "a\0b:c", "."]
)
def test_a_tag_cannot_leave_the_folder(home: Path, name: str) -> None:
    ollama(home / ".ollama" / "models", "registry.ollama.ai/library/small/1b")
    assert ollama_model(name) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"layers": 3}', '{"layers": [3]}', "[" * 5000, "\ud800"])
def test_a_damaged_manifest_is_no_model(home: Path, text: str) -> None:
    ollama(home / ".ollama" / "models", "registry.ollama.ai/library/small/1b")
    manifest = home / ".ollama/models/manifests/registry.ollama.ai/library/small/1b"
    manifest.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert ollama_model("small:1b") is None


def test_a_folder_with_one_file_is_that_file(home: Path) -> None:
    assert in_folder(home) is None
    one = model(home / "a.gguf")
    model(home / "deeper" / "still" / "b.gguf")
    assert in_folder(home) == one
    for name in "bcde":
        model(home / f"{name}.gguf")
    with pytest.raises(GgufError, match=r"a\.gguf, b\.gguf, c\.gguf, \.\.\.\); name one in engine\.model\.$"):
        in_folder(home)


def test_what_lies_too_deep_is_not_looked_for(home: Path) -> None:
    model(home / "1" / "2" / "3" / "4" / "near.gguf")
    model(home / "1" / "2" / "3" / "4" / "5" / "far.gguf")
    assert [file.path.name for file in found([home])] == ["near.gguf"]


def test_links_that_go_round_end(home: Path) -> None:
    (home / "loop").symlink_to(home)
    model(home / "a.gguf")
    assert len(found([home])) == 1
