"""The demo, the first command of the README, works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infill_completion.settings import config_path

ROOT = Path(__file__).parents[2]
DEADLINE_S = 240


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("INFILL_LS_CONFIG", str(tmp_path / "none.toml"))
    yield dict(os.environ)
    subprocess.run([sys.executable, "-m", "infill_server.entry", "engine", "stop"], check=False, capture_output=True)


def test_the_demo_completes_places_of_real_files_and_leaves_them_alone(environment):
    before = {path: path.read_bytes() for path in (ROOT / "examples").iterdir() if path.is_file()}
    assert not config_path().exists()
    done = subprocess.run(
        [sys.executable, "examples/demo.py"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("⟦") >= 5
    assert done.stdout.count('"command": "infill.accepted"') >= 5
    assert {path: path.read_bytes() for path in before} == before
