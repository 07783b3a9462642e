"""GGUF files that other programs keep on this machine are found, under names that ``engine.model`` may say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from infill_completion.catalog import Presence, cached
from infill_completion.catalog.gguf import GgufError, found, in_folder, is_gguf, ollama_model
from infill_completion.catalog.gguf.places import files_below
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


LIST = "application/vnd.ollama.manifest.list.v2+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def layered(digest: str, **entries: object) -> dict[str, object]:
    """Return a manifest of Ollama's."""
    layers = [{"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}"}]
    return {"schemaVersion": 2, "mediaType": MANIFEST, "layers": layers, **entries}


def linked(root: Path, name: str, document: object, digest: str = "c" * 64) -> Path:
    """Write a manifest as newer versions of Ollama do: a link to a blob."""
    blob = root / "blobs" / f"sha256-{digest}"
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_text(json.dumps(document))
    link = root / "manifests-v2" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(blob)
    return link


def test_newer_manifests_of_ollama_are_links_and_lists(home: Path) -> None:
    root, other = home / ".ollama" / "models", "b" * 64
    place = "registry.ollama.ai/library"
    blob = model(root / "blobs" / f"sha256-{DIGEST}")
    linked(root, f"{place}/plain/1b", layered(DIGEST), "1" * 64)
    children = [
        layered(other, runner="mlx", format="safetensors"), layered(DIGEST, runner="ollama", format="gguf"),
    ]  # fmt: skip
    linked(root, f"{place}/listed/1b", {"schemaVersion": 2, "mediaType": LIST, "manifests": children}, "2" * 64)
    (root / "blobs" / f"sha256-{'3' * 64}").write_text(json.dumps(layered(DIGEST)))
    reference = {"mediaType": MANIFEST, "digest": f"sha256:{'3' * 64}", "runner": "llamacpp", "format": "gguf"}
    linked(root, f"{place}/referred/1b", {"mediaType": LIST, "manifests": [reference]}, "4" * 64)
    for name in ("plain:1b", "listed:1b", "referred:1b"):
        assert ollama_model(name) == blob
    assert [(file.path, file.source) for file in found()] == [(blob, "Ollama")]


@pytest.mark.parametrize(
    "document",
    [
        {"manifests": 3}, {"manifests": [3]}, {"manifests": []}, {"manifests": [{"digest": "sha256:../../x"}]},
        {"manifests": [{"digest": f"sha256:{'c' * 64}"}]},  # itself
        {"manifests": [layered(DIGEST, runner="mlx", format="safetensors")]},
        {"manifests": [{"manifests": [layered(DIGEST)]}]},
    ],
    ids=str,
)  # fmt: skip
def test_a_damaged_list_of_manifests_is_no_model(home: Path, document: object) -> None:
    root = home / ".ollama" / "models"
    model(root / "blobs" / f"sha256-{DIGEST}")
    linked(root, "registry.ollama.ai/library/small/1b", document)
    assert ollama_model("small:1b") is None
    assert found() == []


def test_the_folder_that_was_chosen_in_lm_studio_is_searched(home: Path) -> None:
    (home / ".lmstudio").mkdir()
    (home / ".lmstudio" / "settings.json").write_text(json.dumps({"downloadsFolder": str(home / "disk" / "models")}))
    file = model(home / "disk" / "models" / "acme" / "small" / "a.gguf")
    model(home / ".lmstudio" / "models" / "acme" / "small" / "b.gguf")
    assert [(each.path.name, each.source) for each in found()] == [("a.gguf", "LM Studio"), ("b.gguf", "LM Studio")]
    assert found()[0].path == file


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"downloadsFolder": 3}', '{"downloadsFolder": "relative"}', "[" * 5000,
     '{"downloadsFolder": "/\\u0000"}', '{"downloadsFolder": "/nowhere/at/all"}'],
)  # fmt: skip
def test_damaged_settings_of_lm_studio_are_ignored(home: Path, text: str) -> None:
    (home / ".lmstudio").mkdir()
    (home / ".lmstudio" / "settings.json").write_text(text)
    model(home / ".lmstudio" / "models" / "b.gguf")
    assert [each.path.name for each in found()] == ["b.gguf"]


def test_newer_versions_of_llama_cpp_lay_their_cache_out_as_hugging_face_does(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_CACHE", str(home / "l"))
    repository = home / "l" / "models--acme--small-GGUF"
    blob = model(repository / "blobs" / ("d" * 64))
    link = repository / "snapshots" / ("e" * 40) / "small-Q8_0.gguf"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    assert [(each.path, each.source) for each in found()] == [(link, "llama.cpp")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipes_are_not_waited_for(home: Path) -> None:
    manifest = home / ".ollama/models/manifests/registry.ollama.ai/library/small/1b"
    for path in (manifest, home / ".lmstudio" / "settings.json", home / ".lmstudio-home-pointer", home / "a.gguf"):
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(path)
    assert found([home]) == []
    assert ollama_model("small:1b") is None
    assert not is_gguf(home / "a.gguf")


def test_what_may_not_be_looked_at_is_left_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model(home / ".lmstudio" / "models" / "open" / "a.gguf")
    model(home / ".lmstudio" / "models" / "closed" / "b.gguf")
    (home / ".cache" / "huggingface" / "hub" / "models--acme--closed" / "snapshots").mkdir(parents=True)
    seen = os.stat

    def stat(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        if "closed" in os.fspath(path) and not os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return seen(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", stat)
    assert [each.path.name for each in found()] == ["a.gguf"]
    assert cached("acme/closed").presence is not Presence.COMPLETE


def test_a_huge_file_costs_no_more_than_its_header(home: Path) -> None:
    path = model(home / ".lmstudio" / "models" / "a.gguf")
    with path.open("r+b") as file:
        file.truncate(1 << 40)  # sparse
    (huge,) = found()
    assert huge.bytes == 1 << 40
    assert not huge.problem


def test_what_lies_too_deep_is_not_looked_for(home: Path) -> None:
    model(home / "1" / "2" / "3" / "4" / "near.gguf")
    model(home / "1" / "2" / "3" / "4" / "5" / "far.gguf")
    assert [file.path.name for file in found([home])] == ["near.gguf"]


def test_links_that_go_round_end(home: Path) -> None:
    for name in ("a", "b", "c"):
        (home / name).mkdir()
        for place in (home, home / "a", home / "b", home / "c"):
            (home / name / f"to_{place.name}").symlink_to(place)
    (home / "loop").symlink_to(home)
    (home / "itself").symlink_to("itself")
    model(home / "a.gguf")
    assert list(files_below(home)) == [home / "a.gguf"]


def test_a_folder_on_another_disk_is_reached_through_a_link(home: Path) -> None:
    model(home / "disk" / "small-GGUF" / "small.gguf")
    publishers = home / ".lmstudio" / "models"
    publishers.mkdir(parents=True)
    (publishers / "acme").symlink_to(home / "disk")
    (file,) = found()
    assert (file.path, file.source) == (publishers / "acme" / "small-GGUF" / "small.gguf", "LM Studio")
