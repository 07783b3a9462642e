"""``infill-ls models list`` shows the GGUF files on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infill_completion.settings import Settings
from infill_server.commands.bench.quality.variants import variant
from infill_server.commands.gguf_list import gguf_lines, gguf_rows
from infill_server.commands.model_folder import model_folder
from infill_server.errors import UsageError
from tests.catalog.gguf.gguf_writer import gguf, small_model

DEADLINE_S = 240.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file that can be used and one that cannot; there is nothing else on this machine."""
    for name in ("HOME", "HF_HUB_CACHE", "LLAMA_CACHE", "OLLAMA_MODELS"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "models").mkdir()
    metadata, tensors = small_model()
    (tmp_path / "models" / "small-F32.gguf").write_bytes(gguf(metadata, tensors))
    (tmp_path / "models" / "broken.gguf").write_bytes(b"GGUF")
    return tmp_path / "models"


def test_a_file_is_a_line_with_its_name_and_what_it_can_do(folder: Path) -> None:
    broken, small = gguf_rows([str(folder)])
    assert small.name == small.path == str(folder / "small-F32.gguf")
    assert (small.support, small.stored_as, small.problem) == ("infills", "F32", "")
    assert small.file_bytes == (folder / "small-F32.gguf").stat().st_size
    assert small.parameters is not None
    assert small.bf16_bytes == 2 * small.parameters
    assert broken.support == "not supported"
    lines = list(gguf_lines([broken, small]))
    assert lines[-1].endswith(f"F32     {folder / 'small-F32.gguf'}; infills, {folder}")
    assert "is damaged or incomplete" in lines[-2]
    assert list(gguf_lines([])) == []


def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(UsageError, match="nowhere; name one"):
        gguf_rows([str(folder / "nowhere")])


def test_a_file_has_the_same_names_in_every_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = folder / "small-F32.gguf"
    assert model_folder(str(small)) == small
    monkeypatch.chdir(folder)
    assert model_folder(small.name) == small
    with pytest.raises(UsageError, match="several GGUF files"):
        model_folder(str(folder))
    (folder / "broken.gguf").unlink()
    assert model_folder(str(folder)) == small


async def test_variants_of_a_file_differ_in_the_settings_beside_it(folder: Path) -> None:
    small = folder / "small-F32.gguf"
    (folder / "small-F32.infill.json").write_text('{"heal": false, "layout": "spm"}')
    async with variant(Settings(), small, {"layout": "psm"}) as changed:
        copy = Path(changed.engine.model)
        assert copy.name == small.name
        assert copy.resolve() == small
        assert json.loads(copy.with_suffix(".infill.json").read_text()) == {"heal": False, "layout": "psm"}


def test_the_command_lists_them(folder: Path, tmp_path: Path) -> None:
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path), "INFILL_LS_CONFIG": str(tmp_path / "config.toml")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "infill_server.entry", "models", "list", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )

    done = run(str(folder), "--json")
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout)["files"]
    assert [Path(file["path"]).name for file in files] == ["broken.gguf", "small-F32.gguf"]
    missing = run("nowhere")
    assert missing.returncode != 0
    assert "Folder not found: nowhere" in missing.stderr
