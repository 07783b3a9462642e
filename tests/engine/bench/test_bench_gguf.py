"""A GGUF file is measured as other models are, without transformers' ``generate()``, which it does not have."""

from __future__ import annotations

from pathlib import Path

from infill_completion.engine.bench.decode import decode
from infill_completion.engine.bench.subject import stored
from infill_completion.settings import EngineSettings
from tests.catalog.gguf.gguf_writer import gguf, small_model


def test_decoding_is_measured_without_a_reference(tmp_path: Path) -> None:
    (tmp_path / "small.gguf").write_bytes(gguf(*small_model()))
    settings = EngineSettings(model=str(tmp_path / "small.gguf"), device="cpu", context_tokens=256)
    subject = stored(settings, whole_window=True, compares=True)
    assert subject.shape.hidden == 8
    rates = decode(subject, 64, 1e9, tokens=4, repeats=1)
    assert rates.reference is None
    assert rates.loop > 0
    subject.generator.close()
