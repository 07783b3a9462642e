"""What the timed training is made of, and a run of it on the CPU."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load
from tokenizers import Tokenizer

from infill_completion import embedded
from training import device, packing
from training.corpus import SourceFile
from training.device import rate_factor
from training.feeder import Feeder
from training.model import Llama, LlamaShape
from training.muon import StackedMuon, orthogonal
from training.packing import tokenised
from training.rows import TokenRowMaker
from training.timed import Log

FOLDER = Path(embedded.__file__).parent
TEXT = Path(__file__).read_text(encoding="utf-8")
SHAPE = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 1}


def _maker(length: int) -> TokenRowMaker:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    return TokenRowMaker(tokenised([SourceFile("p:a.py", TEXT)], tokenizer), tokenizer, length)


def test_a_packed_corpus_is_read_as_it_was_written(tmp_path: Path) -> None:
    files = [SourceFile("p:a.py", TEXT), SourceFile("p:b.rs", "fn main() {}\n" * 40), SourceFile("q:c.rs", "é\n" * 9)]
    for name, some in (("train", files), ("held_out", files[:2])):
        lines = [json.dumps({"name": file.name, "text": file.text}) for file in some]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "tokenizer.json").write_bytes((FOLDER / "tokenizer.json").read_bytes())
    packing.write(tmp_path, tmp_path / "site", 128)
    corpus = packing.load(tmp_path / "site")
    expected = tokenised(files, Tokenizer.from_file(str(FOLDER / "tokenizer.json")))
    assert (corpus.ids == expected.ids).all()
    assert (corpus.starts == expected.starts).all()
    assert corpus.names == ["p:a.py", "p:b.rs", "q:c.rs"]
    assert corpus.languages == {"python": (0, 1), "rust": (1, 3)}


def test_workers_fill_slots_with_different_rows() -> None:
    with Feeder(_maker(64), 4, 2, 0) as feeder:
        made = [feeder.next() for _ in range(5)]
    assert {rows.shape for rows in made} == {(4, 65)}
    assert len({rows.tobytes() for rows in made}) == 5


def test_failing_workers_are_reported_instead_of_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    maker = _maker(64)
    monkeypatch.setattr(TokenRowMaker, "rows", lambda *_: np.zeros(3))
    with Feeder(maker, 4, 2, 0) as feeder, pytest.raises(RuntimeError, match="No worker"):
        feeder.next()


@pytest.mark.parametrize("shape", [(3, 64, 64), (2, 96, 32), (2, 32, 96)])
def test_muons_updates_are_nearly_orthogonal(shape: tuple[int, int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape, generator=generator)))
    assert values.max() < 1.3
    assert values.mean() > 0.6


def test_muon_steps_against_the_gradient_and_leaves_vectors_alone() -> None:
    torch.manual_seed(0)
    model = Llama(LlamaShape(vocab_size=50, **SHAPE), 32)
    ids = torch.randint(0, 50, (4, 32))
    muon = StackedMuon(model, 0.02, weight_decay=0.0)
    losses = []
    for _ in range(12):
        loss = model(ids, ids)
        loss.backward()
        losses.append(float(loss.detach()))
        muon.step(1.0)
        model.zero_grad()
    assert losses[-1] < losses[0] - 0.05
    assert bool((model.norm == 1).all())


def test_the_rate_warms_up_stays_and_falls_to_zero_with_the_time() -> None:
    factors = [rate_factor(step / 1000) for step in range(1001)]
    assert factors[0] < 0.1
    assert factors[100] == factors[290] == 1.0
    assert factors[100:] == sorted(factors[100:], reverse=True)
    assert factors[-1] == 0.0


def test_a_run_trains_writes_parts_and_goes_back_when_it_diverges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "PART_BYTES", 400_000)
    options = argparse.Namespace(
        length=64, passes=2, muon_rate=6e-3, adam_rate=4e-3, seed=0, workers=1, out=tmp_path, compile="never"
    )
    maker = _maker(64)
    checks = {"python": maker.rows(2, "check")}
    with Feeder(maker, 4, 1, 0) as feeder:
        run = device.Run(feeder, checks, SHAPE | {"vocab_size": 4096}, options, Log(tmp_path))
        first = run.evaluate()["python"]
        for _ in range(8):
            run.step(0.2)
        run.export("weights")
        parts = sorted(tmp_path.glob("weights.*"))
        weights = load(b"".join(part.read_bytes() for part in parts))
        assert len(parts) > 1
        assert weights["lm_head.weight"].shape == (4096, 64)
        assert run.evaluate()["python"] < first
        with torch.no_grad():
            run.model.head.fill_(math.nan)
        for _ in range(4):
            run.step(0.2)
        assert run.scale < 1
        assert math.isfinite(run.evaluate()["python"])
    events = [json.loads(line)["event"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert "diverged" in events
