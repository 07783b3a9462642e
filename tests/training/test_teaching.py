"""Teaching runs: resumable, and the same with rows from other processes; pieces that travel; names of marks."""

from __future__ import annotations

import json
import os
import random
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from infill_completion.engine.checkpoints.adapters import Adapter, ForeignAdapterError
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.learning.samples import SampleMaker, SampleOptions
from infill_completion.engine.learning.student import Sample, row_of
from training.corpus import SourceFile
from training.teaching import marking, site
from training.teaching import run as teach
from training.teaching.rows import SampleCorpus, SampleRows, unpacked

ROOT = Path(__file__).parents[2]
TEXT = Path(__file__).read_text(encoding="utf-8")
FILES = [SourceFile("p:a.py", TEXT), SourceFile("p:b.py", TEXT.replace("row", "line")), SourceFile("q:c.go", TEXT)]


def write_corpus(folder: Path) -> Path:
    folder.mkdir()
    for name in ("train.jsonl", "held_out.jsonl"):
        lines = [json.dumps({"name": file.name, "text": file.text}) for file in FILES]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def arguments(base: Path, run: Path, tokens: int, *more: str) -> list[str]:
    sizes = ["--row-tokens", "128", "--shortest", "32", "--longest", "96", "--checks", "1", "--report", "1"]
    return ["--base", str(base), "--run", str(run), "--tokens", str(tokens), *sizes, *more]


def held_out(run: Path, kind: str) -> dict[str, float]:
    events = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return next(event["held_out"] for event in events if event["event"] == kind)


def losses(run: Path) -> list[float]:
    events = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [event["loss"] for event in events if event["event"] == "step"]


def test_a_run_that_was_ended_goes_on(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teach, "rate_factor", lambda step, done, decay: 1.0)
    whole, halves = write_corpus(tmp_path / "whole"), write_corpus(tmp_path / "halves")
    teach.main(arguments(tiny_folder, whole, 1200))
    teach.main(arguments(tiny_folder, halves, 600))
    seen = len(losses(halves))
    teach.main(arguments(tiny_folder, halves, 1200))
    assert 2 < seen < len(losses(whole))
    assert losses(halves) == losses(whole)
    learned = [Adapter.read(run / teach.ADAPTER).learned for run in (whole, halves)]
    assert all(torch.equal(learned[0][name], learned[1][name]) for name in learned[0])
    assert any(tensor.float().abs().max() > 1e-3 for tensor in learned[0].values())


def test_a_run_that_starts_from_an_adapter_knows_what_it_says(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teach, "rate_factor", lambda step, done, decay: 1.0)
    first, second = write_corpus(tmp_path / "first"), write_corpus(tmp_path / "second")
    teach.main(arguments(tiny_folder, first, 12_000))
    start = first / teach.ADAPTER
    teach.main(arguments(tiny_folder, second, 300, "--start", str(start)))
    untaught, taught = held_out(first, "start"), held_out(first, "end")
    assert held_out(second, "start") == pytest.approx(taught, abs=0.02)  # the file has float16
    assert all(untaught[language] - taught[language] > 0.1 for language in taught)

    foreign = tmp_path / "foreign.safetensors"
    Adapter("another model", Adapter.read(start).learned).write(foreign)
    with pytest.raises(ForeignAdapterError):
        teach.main(arguments(tiny_folder, write_corpus(tmp_path / "third"), 300, "--start", str(foreign)))


def test_rows_of_other_processes(tiny_folder: Path, tmp_path: Path) -> None:
    run = write_corpus(tmp_path / "run")
    teach.main(arguments(tiny_folder, run, 600, "--workers", "1", "--rows", "2"))
    assert losses(run)
    assert (run / teach.ADAPTER).exists()


def test_attention_on_a_device_is_chosen_as_in_the_engine(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[torch.device] = []
    monkeypatch.setattr(teach, "choose_attention", chosen.append)
    teach.main(arguments(tiny_folder, write_corpus(tmp_path / "run"), 200))
    assert chosen == [torch.device("cpu")]


def test_the_rate_rises_and_falls() -> None:
    assert teach.rate_factor(0, 0.0, 0.3) == pytest.approx(1 / teach.WARM_UP_STEPS)
    assert teach.rate_factor(100, 0.5, 0.3) == 1.0
    assert teach.rate_factor(100, 0.85, 0.3) == pytest.approx(0.5)
    assert teach.rate_factor(100, 1.0, 0.3) == 0.0


def test_packed_rows_hold_the_samples(tokenizer: Tokenizer) -> None:
    corpus, maker = SampleCorpus(FILES), SampleMaker(tokenizer, SampleOptions((32, 96)))
    rows = SampleRows(corpus, maker, 300)
    made = rows.rows(2, "1")
    assert made.shape == (2, rows.length + 1)
    assert (made == rows.rows(2, "1")).all()
    chance = random.Random("1")
    samples: list[Sample] = []
    row = unpacked(made[0])
    while sum(len(each.ids) for each in samples) < len(row.ids):
        samples.append(corpus.sample(maker, chance))
    expected = row_of(samples)
    assert torch.equal(row.ids, expected.ids)
    assert row.ends == expected.ends
    assert torch.equal(row.at, expected.at)


def test_pieces_are_joined_to_what_was_packed(tmp_path: Path) -> None:
    run = write_corpus(tmp_path / "run")
    base = tmp_path / "weights.gguf"
    base.write_bytes(np.random.default_rng(0).bytes(5000))
    pieces = site.pack(base, run, tmp_path / "site", piece_bytes=700)
    assert len(pieces) > 7
    assert all(sum(file.stat().st_size for file in piece.glob("*.*")) <= 700 for piece in pieces)
    shutil.copytree(tmp_path / "site", tmp_path / "part", ignore=lambda folder, names: {"2", "5"} & set(names))
    with pytest.raises(SystemExit, match="part lacks 2, 5; bring it along"):
        site.join(tmp_path / "part", tmp_path / "joined")
    assert not (tmp_path / "joined").exists()
    site.join(tmp_path / "site", tmp_path / "joined")
    assert (tmp_path / "joined" / "base.gguf").read_bytes() == base.read_bytes()
    for name in ("train.jsonl", "held_out.jsonl"):
        assert (tmp_path / "joined" / name).read_bytes() == (run / name).read_bytes()


def test_a_piece_travels_beside_the_repository() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs a git repository")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    repository = sum((ROOT / name).stat().st_size for name in filter(None, listed.stdout.split("\0")))
    assert repository + site.PIECE_BYTES < site.CALL_BYTES


@pytest.mark.skipif(os.name == "nt", reason="needs bash")
@pytest.mark.parametrize("dry", ["", "1"])
def test_the_script_finds_everything_where_nothing_is_installed(tmp_path: Path, dry: str) -> None:
    """From any folder, with the image's own Python; each call of which appends its paths and arguments to a file."""
    calls, python, work = tmp_path / "calls", tmp_path / "python", write_corpus(tmp_path / "work")
    python.write_text(f'#!/bin/sh\necho "$PWD|$PYTHONPATH|$*" >>"{calls}"\n')
    python.chmod(0o700)
    own = {"PYTHON": str(python), "WORK": str(work), "OUT": str(tmp_path / "out"), "DRY": dry}
    ended = subprocess.run(
        ["bash", str(ROOT / "training/teaching/device.sh"), "60"],
        cwd=tmp_path, env={"PATH": os.environ["PATH"], "SECONDS": "20", **own}, check=False,
    )  # fmt: skip
    assert ended.returncode == 0
    _, call = calls.read_text().splitlines()
    folder, paths, command = call.split("|")
    assert folder == str(ROOT)
    assert paths.split(":") == [str(ROOT / part) for part in (".gpu-site", "completion", "server", "")]
    module, *arguments = command.removeprefix("-m ").split()
    assert module == "training.teaching.run"
    options = teach.options_of(arguments)
    assert 30 <= options.seconds <= 40  # bash says that 20 s are over
    assert (options.run, options.device) == (tmp_path / "out", "cpu" if dry else "cuda")


def stored(name: str) -> bytes:
    return struct.pack("<Q", len(name)) + name.encode()


def test_unused_tokens_become_marks() -> None:
    head = b"GGUF" + b"".join(map(stored, marking.MARKS)) + stored("x")
    found = marking.renamed(head, marking.MARKS)
    assert found == b"GGUF" + b"".join(map(stored, marking.MARKS.values())) + stored("x")
    for wrong in (head + head, b"GGUF"):
        with pytest.raises(ValueError, match="cannot become"):
            marking.renamed(wrong, marking.MARKS)
    with pytest.raises(ValueError, match="cannot become"):
        marking.renamed(stored("<a>"), {"<a>": "<longer>"})
