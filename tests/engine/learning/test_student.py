"""A student computes what the model does, learns what it is shown, and what it learned survives being packed."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from infill_completion.engine.checkpoints.adapters import Adapter
from infill_completion.engine.checkpoints.packed_weights import load_packed
from infill_completion.engine.errors import ModelError
from infill_completion.engine.learning import student as student_module
from infill_completion.engine.learning.group_linear import GroupLinear
from infill_completion.engine.learning.learned import adapter_of
from infill_completion.engine.learning.student import EMBEDDINGS, Sample, Student, row_of
from infill_completion.engine.learning.trainer import Rates, Trainer
from infill_completion.engine.model import int4
from infill_completion.engine.model.group_adapter import edges_of_rows
from tests.engine.checkpoints.gguf.quantized_model import save_dequantized, write_model

IDS = [[5, 9, 33, 7, 100, 41, 8, 9, 12], [77, 5, 5, 201, 13]]
FAST = Rates(0.05, 0.05, 0.02, 0.05)


def samples(ids: list[list[int]] = IDS) -> list[Sample]:
    return [Sample(each, [True] * len(each)) for each in ids]


@torch.no_grad()
def take_over(student: Student, adapter: Adapter) -> None:
    """Let a student go on from what an adapter says."""
    learned = adapter.learned
    for name, gain in student.norms().items():
        gain.copy_(learned[f"{name}.gain"].float())
    for name, linear in student.linears().items():
        linear.gain.copy_(learned[f"{name}.gain"].float())
        linear.shift.copy_(learned[f"{name}.shift"].float())
    if len(student.learned_ids):
        student.rows.copy_(learned[f"{EMBEDDINGS}.rows"].float())


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model.gguf", "Q4_1")


def test_the_loss_is_that_of_transformers(gguf: Path, tmp_path: Path) -> None:
    model = save_dequantized(gguf, tmp_path / "folder")
    for path in (gguf, tmp_path / "folder"):
        losses = Student.load(path).losses(row_of(samples()))
        expected = torch.cat([F.cross_entropy(model(torch.tensor([ids])).logits[0, :-1], torch.tensor(ids[1:]),
                                              reduction="none") for ids in IDS])  # fmt: skip
        assert torch.allclose(losses, expected, atol=0.08)  # bfloat16


def test_a_sample_does_not_see_the_one_before_it(gguf: Path) -> None:
    student = Student.load(gguf)
    alone, after = student.losses(row_of(samples()[1:])), student.losses(row_of(samples()))
    assert torch.allclose(after[-len(alone) :], alone, atol=1e-2)


def test_a_gpu_attends_in_one_kernel_as_the_processor_does() -> None:
    """The kernel refuses what it cannot take, where torch would choose slower operators by itself."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(50, heads, 16).bfloat16() for heads in (6, 3, 3))
    expected = student_module._attend(q, k, v, [50])
    with sdpa_kernel([SDPBackend.FLASH_ATTENTION]):
        parts = (part.transpose(0, 1).repeat_interleave(6 // part.shape[1], 0) for part in (q, k, v))
        got = student_module._attend_at_once(*parts)
    assert torch.allclose(got.transpose(0, 1).reshape(50, -1).float(), expected.float(), atol=0.02)


def test_only_wanted_tokens_count() -> None:
    row = row_of([Sample([1, 2, 3], [True, False, True]), Sample([4, 5], [True, True])])
    assert row.at.tolist() == [1, 3]
    assert row.targets.tolist() == [3, 5]


def test_gradients_are_those_of_the_weights_written_out() -> None:
    torch.manual_seed(0)
    weight = torch.randn(16, 64).bfloat16().float()
    layer = GroupLinear(weight, *edges_of_rows(weight))
    with torch.no_grad():
        layer.gain.normal_(std=0.1)
        layer.shift.normal_(std=0.5)
    x = torch.randn(7, 64).bfloat16().requires_grad_()
    layer(x).float().square().sum().backward()
    gain, shift = (each.detach().clone().requires_grad_() for each in (layer.gain, layer.shift))
    unit, middle = (each[..., None] for each in edges_of_rows(weight))
    groups = weight.view(16, 2, 32)
    written_out = middle + shift[..., None] * unit + (groups - middle) * (1 + gain[..., None])
    wide = x.detach().float().requires_grad_()
    (wide @ written_out.view(16, 64).T).square().sum().backward()
    for own, expected in ((layer.gain, gain), (layer.shift, shift), (x, wide)):
        assert own.grad is not None
        assert expected.grad is not None
        assert (own.grad.float() - expected.grad).norm() < 0.03 * expected.grad.norm()


@pytest.mark.parametrize("saves_memory", [False, True])
def test_it_learns_what_it_is_shown(gguf: Path, saves_memory: bool) -> None:
    student = Student.load(gguf, [5])
    student.saves_memory = saves_memory
    trainer, rows = Trainer(student, FAST), [row_of(samples())]
    losses = [trainer.step(rows, 1.0) for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]


def test_a_run_resumes_where_it_was(gguf: Path) -> None:
    rows = [row_of(samples())]
    whole = Trainer(Student.load(gguf, [5]), FAST)
    for _ in range(3):
        whole.step(rows, 1.0)
    state = deepcopy(whole.state())
    resumed = Trainer(Student.load(gguf, [5]), FAST)
    resumed.load(state)
    assert [whole.step(rows, 1.0) for _ in range(3)] == [resumed.step(rows, 1.0) for _ in range(3)]


def matrices(model: Any) -> list[torch.Tensor]:
    """Return the matrices of the first layer, whose weights have 4 bits, as they are packed."""
    attention, mlp = model.model.layers[0].self_attn, model.model.layers[0].mlp
    packed = [attention.qkv_proj, attention.o_proj, mlp.gate_up_proj, mlp.down_proj]
    return [int4.unpacked(each.weight)[: each.outputs, : each.inputs] for each in packed]


def test_what_was_learned_is_exact_in_four_bits(gguf: Path, tmp_path: Path) -> None:
    student = Student.load(gguf, [5, 9])
    trainer = Trainer(student, FAST)
    for _ in range(5):
        trainer.step([row_of(samples())], 1.0)
    adapter_of(student, "base").write(tmp_path / "adapter.safetensors")
    adapter = Adapter.read(tmp_path / "adapter.safetensors")
    model, before = load_packed(gguf, 4, adapter=adapter), load_packed(gguf, 4)
    linears = student.linears()
    names = (("q_proj", "k_proj", "v_proj"), ("o_proj",), ("gate_proj", "up_proj"), ("down_proj",))
    for number, (held, old) in enumerate(zip(matrices(model), matrices(before), strict=True)):
        room = "self_attn" if number < 2 else "mlp"
        parts = [linears[f"model.layers.0.{room}.{name}.weight"].weight() for name in names[number]]
        learned = torch.cat(parts).float()
        moved = (learned - old).norm()
        assert moved > 0.01 * old.norm()
        assert (held - learned).norm() < 0.1 * moved  # bfloat16 on one side, float16 scales on the other
    gain = student.norms()["model.norm.weight"].detach()
    assert torch.allclose(model.model.norm.weight, before.model.norm.weight * (1 + gain.half().float()))
    rows = model.model.embed_tokens._whole() - before.model.embed_tokens._whole()
    assert set(torch.nonzero(rows.abs().amax(1) > 0.02).flatten().tolist()) == {5, 9}
    again = Student.load(gguf, [5, 9])
    take_over(again, adapter)
    own, taken = (each.losses(row_of(samples())) for each in (student, again))
    assert torch.allclose(own, taken, atol=0.05)


def test_an_adapter_of_another_model_or_a_damaged_one_is_refused(gguf: Path, tmp_path: Path) -> None:
    file = tmp_path / "adapter.safetensors"
    adapter_of(Student.load(write_model(tmp_path / "wide.gguf", "Q4_1", hidden=128)), "base").write(file)
    with pytest.raises(ModelError, match="infill-ls learn forget"):
        load_packed(gguf, 4, adapter=Adapter.read(file))
    for damaged in (b"", file.read_bytes()[:300], b"x" * 100, (5).to_bytes(8, "little") + b"[" * 5):
        file.write_bytes(damaged)
        with pytest.raises(ModelError, match="infill-ls learn forget"):
            Adapter.read(file)


def test_the_embedded_model_learns_too(tmp_path: Path) -> None:
    from infill_completion.engine.checkpoints.selection import EMBEDDED

    student = Student.load(EMBEDDED)
    trainer, rows = Trainer(student), [row_of(samples([list(range(300, 360))]))]
    losses = [trainer.step(rows, 1.0) for _ in range(4)]
    assert losses[-1] < losses[0]
