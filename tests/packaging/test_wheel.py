"""The contents of the wheel that `pip install infill-ls` installs."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_WHEEL_BYTES = 50_000_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    command += ["--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_it_installs_two_packages_and_nothing_called_server(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"infill_server", "infill_completion"}


def test_it_carries_the_weights_and_the_type_marker(wheel):
    names = set(wheel.namelist())
    for file in ("model.safetensors", "config.json", "tokenizer.json", "infill.json", "MODEL_CARD.md"):
        assert f"infill_completion/embedded/{file}" in names
    assert {f"infill_completion/taught/{file}" for file in ("small.safetensors", "MODEL_CARD.md")} <= names
    assert "infill_completion/py.typed" in names
    assert "infill_server/py.typed" in names


def test_it_carries_what_the_compiled_step_is_made_of(wheel):
    names = {Path(name).name for name in wheel.namelist() if name.startswith("infill_completion/engine/")}
    assert {"step.c", "linear.c", "linear.h", "attention.c", "attention.h", "tile.h", "sampler.c", "lanes.h"} <= names
    assert "followers.c" in names


def test_it_stays_small(wheel):
    assert sum(item.compress_size for item in wheel.infolist()) < MAX_WHEEL_BYTES


def test_it_has_one_command(wheel):
    entry = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert wheel.read(entry).decode().split("\n")[1] == "infill-ls = infill_server.entry:main"
