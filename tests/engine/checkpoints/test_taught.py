"""What the package teaches to a model of others counts wherever that is loaded, and users' adapters go on from it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from infill_completion.catalog import taught
from infill_completion.engine.checkpoints.adapters import Adapter, identity, taught_adapter, usable_adapter
from infill_completion.engine.checkpoints.fingerprint import fingerprint
from infill_completion.engine.checkpoints.packed_weights import StreamedModel, load_packed, source_of
from infill_completion.engine.learning.learned import adapter_of
from infill_completion.engine.learning.student import Sample, Student, row_of
from infill_completion.engine.learning.trainer import Rates, Trainer
from tests.engine.checkpoints.gguf.quantized_model import write_model

ROW = row_of([Sample(ids, [True] * len(ids)) for ids in ([5, 9, 33, 7, 100, 41, 8, 9, 12], [77, 5, 5, 201, 13])])


def learn(student: Student) -> Student:
    trainer = Trainer(student, Rates(0.05, 0.05, 0.02, 0.05))
    for _ in range(4):
        trainer.step([ROW], 1.0)
    return student


def same(ours: StreamedModel, theirs: StreamedModel) -> bool:
    return all(torch.equal(own, other) for own, other in zip(ours.packed, theirs.packed, strict=True))


@pytest.fixture
def gguf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that the package teaches something."""
    file = write_model(tmp_path / "model.gguf", "Q4_1")
    monkeypatch.setattr(taught, "TAUGHT", tmp_path)
    monkeypatch.setattr(taught, "_ADAPTERS", {(file.name, file.stat().st_size): "taught.safetensors"})
    adapter_of(learn(Student.load(file, taught=False)), fingerprint(file)).write(tmp_path / "taught.safetensors")
    return file


def test_a_model_is_loaded_as_the_package_teaches_it(gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    untaught = Path(shutil.copy(gguf, tmp_path / "elsewhere" / "other.gguf"))
    adapter = Adapter.read(tmp_path / "taught.safetensors")
    assert same(load_packed(gguf, 4), load_packed(untaught, 4, adapter=adapter))
    assert not same(load_packed(gguf, 4), load_packed(untaught, 4))
    assert (load_packed(gguf, 4).is_taught, load_packed(untaught, 4).is_taught) == (True, False)
    assert not source_of(gguf, taught=False).is_taught


def test_another_file_of_the_same_name_and_size_learns_nothing(gguf: Path) -> None:
    content = bytearray(gguf.read_bytes())
    content[-1] ^= 1
    gguf.write_bytes(content)
    assert taught_adapter(gguf) is None
    assert not load_packed(gguf, 4).is_taught


def test_a_damaged_lesson_is_left_out(gguf: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lesson = tmp_path / "taught.safetensors"
    lesson.write_bytes(lesson.read_bytes()[:-20])
    assert not load_packed(gguf, 4).is_taught
    assert caplog.messages == ["What the package teaches to model.gguf is damaged; install infill-ls again."]
    lesson.unlink()
    assert not load_packed(gguf, 4).is_taught


def test_a_repository_is_learned_upon_it(gguf: Path, tmp_path: Path) -> None:
    student = Student.load(gguf)
    began = student.losses(ROW)
    adapter = adapter_of(learn(student), identity(gguf))
    adapter.write(tmp_path / "own.safetensors")
    found, said = usable_adapter(str(tmp_path / "own.safetensors"), gguf, can_apply=True)
    assert found is not None, said
    both = load_packed(gguf, 4, adapter=found)
    assert both.is_taught
    assert not same(both, load_packed(gguf, 4))
    assert student.losses(ROW).mean() < began.mean() < Student.load(gguf, taught=False).losses(ROW).mean()


def test_what_was_learned_upon_other_lessons_is_not_used(gguf: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.safetensors"
    adapter_of(Student.load(gguf), fingerprint(gguf)).write(own)  # before the package taught anything
    assert usable_adapter(str(own), gguf, can_apply=True) == (None, "not used: it is another model's")
