"""``auto`` and ``doctor`` on each kind of machine with each state of its models."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from infill_completion.catalog import MODELS, DeviceSpeed, KnownModel, Support, find, licence
from infill_completion.engine.checkpoints import device_probe, devices, memory_plan, precision, selection
from infill_completion.engine.checkpoints.memory_plan import MemoryPlan
from infill_completion.engine.checkpoints.selection import EMBEDDED, choose_model
from infill_completion.engine.model import int8
from infill_completion.settings import EngineSettings
from infill_server.commands.models import auto_lines, better_line
from tests.catalog.gguf.gguf_writer import gguf, small_model
from tests.engine.checkpoints.test_automatic import HubCache, cache, machine

__all__ = ["cache", "machine"]

pytestmark = pytest.mark.skipif(not int8.available(), reason="this torch has no int8 products for the CPU")
GIB = 2**30
CL7, CL13 = "codellama/CodeLlama-7b-hf", "codellama/CodeLlama-13b-hf"
SC3, SC7 = "bigcode/starcoder2-3b", "bigcode/starcoder2-7b"
SIZES = ("0.5B", "1.5B", "3B", "7B", "14B", "32B")
Q05, Q15, Q3, Q7, Q14, Q32 = (f"Qwen/Qwen2.5-Coder-{size}" for size in SIZES)
INFILLING = tuple(model.id for model in MODELS if model.support is Support.INFILLS)


class Machine(NamedTuple):
    """A device with what is free there and what it can do; bandwidths are those of the cards' data sheets."""

    device: str
    free_gib: float
    speed: DeviceSpeed


MACHINES = {
    "laptop": Machine("cpu", 12, DeviceSpeed(40e9, 0.6e12)),
    "old laptop": Machine("cpu", 6, DeviceSpeed(4e9, 0.02e12)),
    "4 GB GPU": Machine("cuda", 3.4, DeviceSpeed(128e9, 6e12)),
    "8 GB GPU": Machine("cuda", 7.3, DeviceSpeed(272e9, 30e12)),
    "24 GB GPU": Machine("cuda", 23, DeviceSpeed(1008e9, 165e12)),
}
all_machines = pytest.mark.parametrize("name", MACHINES)


class World:
    """A machine with models, whose checkpoints are small and counted as the real ones."""

    def __init__(self, cache: HubCache, patch: pytest.MonkeyPatch, home: Path) -> None:
        self.cache, self._patch, self._home = cache, patch, home

    def on(self, name: str) -> World:
        """Make this the machine of a name."""
        device, free_gib, speed = MACHINES[name]
        self._patch.setattr(devices, "choose_device", lambda wanted: torch.device(device))
        self._patch.setattr(devices, "free_bytes", lambda each: int(free_gib * GIB) + selection.WORKSPACE_BYTES)
        self._patch.setattr(device_probe, "measure", lambda each: speed)
        self._patch.setattr(precision, "choose_dtype", lambda each, quantization: torch.bfloat16)
        self._patch.setattr(selection, "weight_bytes", self._weight_bytes)
        self._patch.setattr(selection, "kv_bytes", lambda *arguments: 0)
        return self

    def _weight_bytes(self, path: Path, quantization: str, *arguments: Any, **options: Any) -> int:
        model = self._model_of(path)
        assert model.shape is not None
        bits = {"nf4": 4.2, "int4": 5.0, "int8": 8.1}.get(quantization, 16.0)
        return int(model.shape.linear_weights * bits / 8) + 2 * model.shape.vocab * model.shape.hidden

    @staticmethod
    def _model_of(path: Path) -> KnownModel:
        parts = [part for part in path.parts if part.startswith("models--")]
        name = parts[0].removeprefix("models--").replace("--", "/", 1) if parts else f"Qwen/{path.stem}"
        model = find(name)
        assert model is not None
        return model

    def add_gguf(self, name: str) -> Path:
        """Add a file to LM Studio's folder, with the shape of a model."""
        model = find(name)
        assert model is not None
        assert model.shape is not None
        metadata, tensors = small_model()
        shape = {
            "block_count": model.shape.layers, "embedding_length": model.shape.hidden,
            "attention.head_count": model.shape.heads, "attention.head_count_kv": model.shape.kv_heads,
            "attention.key_length": 4, "attention.value_length": 4,
        }  # fmt: skip
        path = self._home / ".lmstudio" / "models" / "acme" / "coder" / f"{name.rpartition('/')[2]}.gguf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gguf(metadata | {f"llama.{key}": value for key, value in shape.items()}, tensors))
        return path

    @property
    def taken(self) -> str:
        """The model that the engine would load."""
        return choose_model(EngineSettings(), devices.choose_device("auto"))[0]

    @property
    def plan(self) -> MemoryPlan:
        """What ``models list`` and ``doctor`` get."""
        plan = memory_plan.memory_plan(EngineSettings())
        assert plan.model == self.taken
        assert not plan.problem
        return plan


@pytest.fixture
def world(cache: HubCache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    return World(cache, monkeypatch, tmp_path)


def doctor(plan: MemoryPlan) -> tuple[list[str], str]:
    """Return what ``doctor`` says of the choice, and its next step."""
    told = json.loads(json.dumps(asdict(plan)))
    return auto_lines({**told, "better": ""}), better_line(plan.better, told) if plan.better else ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [("laptop", Q05), ("old laptop", ""), ("4 GB GPU", Q3), ("8 GB GPU", Q7), ("24 GB GPU", Q32)],
)
def test_with_nothing_here_doctor_has_one_command_for_the_best_that_would_run(
    world: World, name: str, expected: str
) -> None:
    plan = world.on(name).plan
    assert plan.model == "embedded"
    assert plan.passed_over == []
    lines, step = doctor(plan)
    assert len(lines) == 1
    assert plan.better == expected
    assert step.count("`infill-ls models pull ") == bool(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("laptop", Q05), ("old laptop", "embedded"), ("4 GB GPU", Q3), ("8 GB GPU", Q7), ("24 GB GPU", Q32)],
)
def test_with_everything_here_the_best_that_runs_is_taken(world: World, name: str, expected: str) -> None:
    for model in INFILLING:
        world.cache.add(model)
    plan = world.on(name).plan
    assert plan.model == expected
    reasons = dict(plan.passed_over)
    assert set(reasons) == set(INFILLING) - {expected}
    assert all(reason for reason in reasons.values())
    lines, _ = doctor(plan)
    assert len(lines) == 1 + len(reasons)
    assert all(line.startswith("Not ") and line.endswith(".") for line in lines[1:])


@all_machines
def test_half_downloads_are_never_taken_and_each_is_named(world: World, name: str) -> None:
    gated, started = "mistralai/Codestral-22B-v0.1", Q05
    world.cache.add_gated(gated)
    world.cache.add_gated(Q7)
    world.cache.add_started(started)
    plan = world.on(name).plan
    assert plan.model == "embedded"
    assert choose_model(EngineSettings(), torch.device("cpu"))[1] == EMBEDDED
    reasons = dict(plan.passed_over)
    assert set(reasons) == {gated, Q7, started}
    for model, reason in reasons.items():
        assert reason == f"is half downloaded; finish it with `infill-ls models pull {model}`"


@all_machines
def test_half_of_the_weight_files_is_half_a_model(world: World, name: str) -> None:
    snapshot = world.cache.add(Q05)
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (snapshot / "model.safetensors").rename(snapshot / shards["a"])
    (snapshot / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    (snapshot / shards["b"]).symlink_to(snapshot / "never-written")  # the blob is still incomplete
    assert world.on(name).taken == "embedded"
    assert "is half downloaded" in dict(world.plan.passed_over)[Q05]


@pytest.mark.parametrize(("name", "expected"), [("4 GB GPU", Q3), ("8 GB GPU", Q3), ("24 GB GPU", Q3)])
def test_a_licence_is_no_reason_against_what_the_user_has(world: World, name: str, expected: str) -> None:
    world.cache.add(Q3)
    world.cache.add(Q05)
    assert world.on(name).taken == expected


@pytest.mark.parametrize("name", [name for name in MACHINES if name != "old laptop"])
def test_a_model_that_may_not_be_used_at_work_is_recommended_only_where_nothing_else_is_as_good(
    world: World, name: str
) -> None:
    better = world.on(name).plan.better
    terms = licence(better)
    assert terms is not None
    assert not terms.is_gated
    assert terms.is_commercial or name == "4 GB GPU"  # where only Qwen's 3B fits
    if not terms.is_commercial:
        assert "Qwen Research License" in doctor(world.plan)[1]


@pytest.mark.parametrize("name", ["old laptop", "laptop"])
def test_a_model_too_slow_for_the_deadline_says_how_slow(world: World, name: str) -> None:
    world.cache.add(CL13)
    plan = world.on(name).plan
    assert plan.model == "embedded"
    (line,) = doctor(plan)[0][1:]
    assert line.startswith(f"Not {CL13}: it ")
    assert "(estimated)" in line or "to spare" in line


def test_a_longer_deadline_lets_a_slower_model_in(world: World, tmp_path: Path) -> None:
    world.cache.add(SC3)
    assert world.on("laptop").taken == "embedded"
    assert "the deadline is 1.0 s" in dict(world.plan.passed_over)[SC3]
    (tmp_path / "config.toml").write_text("[completion]\ndeadline_ms = 8000\n")
    assert world.taken == SC3


@pytest.mark.parametrize(
    ("name", "expected"), [("laptop", Q05), ("old laptop", "embedded"), ("8 GB GPU", Q15), ("24 GB GPU", Q7)]
)
def test_files_of_other_programs_count_where_there_is_nothing_else(world: World, name: str, expected: str) -> None:
    paths = {model: world.add_gguf(model) for model in (Q05, Q15, Q7)}
    plan = world.on(name).plan
    assert plan.model == (str(paths[expected]) if expected in paths else "embedded")
    assert set(dict(plan.passed_over)) == set(paths) - {expected}


def test_a_checkpoint_comes_before_a_file_of_the_same_model(world: World) -> None:
    world.add_gguf(Q05)
    world.cache.add(Q05)
    assert world.on("24 GB GPU").taken == Q05


@all_machines
def test_a_file_that_is_half_there_is_named_and_not_taken(world: World, name: str) -> None:
    path = world.add_gguf(Q05)
    path.write_bytes(path.read_bytes()[:5000])
    plan = world.on(name).plan
    assert plan.model == "embedded"
    assert "is damaged or incomplete" in dict(plan.passed_over)[Q05]
    assert "\n" not in dict(plan.passed_over)[Q05]
    whole = world.cache.add(Q05)
    assert whole.is_dir()
    assert "is damaged" not in str(dict(world.plan.passed_over).get(Q05, ""))


@pytest.mark.parametrize(("here", "expected"), [((SC7, CL13), SC7), ((SC3, CL7), SC3), ((Q05, CL7), CL7)])
def test_figures_decide_between_families(world: World, here: tuple[str, ...], expected: str) -> None:
    for model in here:
        world.cache.add(model)
    assert world.on("24 GB GPU").taken == expected
