"""Emacs with company, eglot and lsp-mode: the real editor in batch, the real server, the embedded model."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.editors.sample import CODE
from tests.editors.user_environment import README, with_the_embedded_model

HERE = Path(__file__).parent

pytestmark = pytest.mark.editor
NEEDED = ["emacs", "--batch", "--eval", "(progn (package-initialize) (mapc #'require '(eglot lsp-mode company)))"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield the environment of an Emacs user whose model is already loaded."""
    if shutil.which("emacs") is None or subprocess.run(NEEDED, capture_output=True, check=False).returncode:
        pytest.skip("needs Debian's emacs-nox, elpa-eglot, elpa-lsp-mode and elpa-company")
    with with_the_embedded_model(tmp_path_factory.mktemp("home")) as environment:
        yield environment


def tell(
    environment: dict[str, str], folder: Path, content: bytes, typed: str, story: str = "story.el"
) -> tuple[dict[str, Any], bytes, str]:
    """Run a story in Emacs; return its report, the saved file and Emacs' messages."""
    file, report = folder / "names.py", folder / "report.json"
    file.write_bytes(content)
    run = subprocess.run(
        ["emacs", "--batch", "--no-init-file", "--load", str(HERE / story)],
        env={
            **environment,
            "HOME": str(folder),
            "STORY_FILE": str(file),
            "STORY_TYPED": typed,
            "STORY_REPORT": str(report),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert report.exists(), run.stderr
    return json.loads(report.read_text(encoding="utf-8")), file.read_bytes(), run.stderr


def test_company_lists_and_accepts_the_suggestion(environment: dict[str, str], tmp_path: Path) -> None:
    typed = "\n\ndef read_lines(path):\n    with open("
    report, saved, _ = tell(environment, tmp_path, CODE, typed)
    popup = report["popup"]
    assert isinstance(popup, list)
    assert popup
    assert report["language"] == "python"
    before = CODE.decode() + typed
    text = report["text"]
    assert isinstance(text, str)
    assert text.startswith(before)
    assert len(text) > len(before)
    assert saved == text.encode() + (b"" if text.endswith("\n") else b"\n")


def test_lsp_mode_lists_the_suggestion_without_warnings(environment: dict[str, str], tmp_path: Path) -> None:
    typed = "\n\ndef read_lines(path):\n    with open("
    report, saved, said = tell(environment, tmp_path, CODE, typed, "lsp-story.el")
    before = CODE.decode() + typed
    assert report["popup"]
    assert report["text"].startswith(before)
    assert len(report["text"]) > len(before)
    assert saved == report["text"].encode() + (b"" if report["text"].endswith("\n") else b"\n")
    assert "Warning (lsp-mode)" not in said


def test_raw_inline_completion_answers(environment: dict[str, str], tmp_path: Path) -> None:
    report, _, _ = tell(environment, tmp_path, CODE, "\n\ndef read_lines(path):\n    with open(")
    inline = report["inline"]
    assert isinstance(inline, list)
    assert inline
    assert all(text.startswith("    with open(") for text in inline)


def test_emoji_and_cjk_before_the_cursor(environment: dict[str, str], tmp_path: Path) -> None:
    content = "# 名前 🎉\nimport json\n\n\n".encode()
    typed = "数 = json.loads('🙂')\n数 = json."
    report, _, _ = tell(environment, tmp_path, content, typed)
    text = report["text"]
    assert isinstance(text, str)
    assert text.startswith(content.decode() + typed)


@pytest.mark.parametrize("init", ["init.el", "lsp-init.el"])
def test_the_documented_configuration_is_the_one_that_ran(init: str) -> None:
    configuration = (HERE / init).read_text(encoding="utf-8").split("\n", 1)[1]
    assert configuration in README.read_text(encoding="utf-8")
