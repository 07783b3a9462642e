"""Which holes the options of `bench quality` select."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from infill_completion.settings import Settings
from infill_server.commands.bench.quality.hole_file import read_holes, write_holes
from infill_server.commands.bench.quality.selection import Selection, select

TEXT = "def f(number):\n    total = number\n    return total\n\n\n" * 25


def selected(**options: object) -> Selection:
    given = {"folder": None, "git": None, "holes": None, "count": None, "kinds": "rest,line,block", "seed": 0}
    return select(argparse.Namespace(**(given | options)), Settings())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "src"
    made.mkdir()
    for number in range(60):
        (made / f"f{number:02}.py").write_text(TEXT)
    return made


def test_fewer_holes_than_files_are_not_those_of_the_first_names(folder: Path) -> None:
    found = {seed: [hole.path.name for hole in selected(folder=folder, count=10, seed=seed).holes] for seed in (0, 1)}
    assert found[0] == [hole.path.name for hole in selected(folder=folder, count=10).holes]
    assert found[0] != found[1]
    for names in found.values():
        assert min(names) < "f15.py"
        assert max(names) > "f45.py"


def test_the_holes_of_a_single_file_keep_its_name(folder: Path, tmp_path: Path) -> None:
    chosen = selected(folder=folder / "f07.py", count=3, kinds="line")
    write_holes(tmp_path / "holes.jsonl", chosen.holes, chosen.folder)
    lines = (tmp_path / "holes.jsonl").read_text().splitlines()
    assert [json.loads(line)["path"] for line in lines] == ["f07.py"] * 3
    assert read_holes(tmp_path / "holes.jsonl", folder)[0].path == folder / "f07.py"


def test_all_holes_of_a_file_are_measured_unless_fewer_are_wanted(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "holes.jsonl"
    assert len(selected(folder=folder, kinds="line").holes) == 100
    chosen = selected(folder=folder, count=150, kinds="line,rest")
    write_holes(file, chosen.holes, chosen.folder)
    assert len(selected(holes=file).holes) == 300
    assert len(selected(holes=file, count=20).holes) == 40


def test_a_file_with_two_names_is_cut_once(folder: Path) -> None:
    (folder / "f00_again.py").symlink_to("f00.py")
    (folder / "a.py").symlink_to("f01.py")
    names = {hole.path.name for hole in selected(folder=folder, count=200, kinds="line").holes}
    assert names == {"a.py", *(f"f{number:02}.py" for number in range(60))} - {"f01.py"}
