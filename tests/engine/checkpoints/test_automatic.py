"""``auto`` with real folders: what is cached, half downloaded, quantised, unreadable, on a CPU and on a GPU."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from infill_completion.catalog import DeviceSpeed, ModelSpeed, SpeedStore, taught
from infill_completion.catalog import find as known_model
from infill_completion.catalog.gguf import GgufModel
from infill_completion.catalog.small import SMALL_ID, small_path
from infill_completion.engine.checkpoints import device_probe, devices, precision, selection
from infill_completion.engine.checkpoints.adapters import Adapter
from infill_completion.engine.checkpoints.fingerprint import fingerprint
from infill_completion.engine.checkpoints.memory_plan import memory_plan
from infill_completion.engine.checkpoints.selection import EMBEDDED, choose_automatically, choose_model, find
from infill_completion.engine.errors import ModelError
from infill_completion.settings import EngineSettings
from tests.catalog.gguf.gguf_writer import gguf, small_model

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
FAST, SLOW = DeviceSpeed(1e12, 1e15), DeviceSpeed(1e8, 1e9)
CL7, Q05, Q7 = "codellama/CodeLlama-7b-hf", "Qwen/Qwen2.5-Coder-0.5B", "Qwen/Qwen2.5-Coder-7B"


class HubCache:
    """A hub cache in which models are small."""

    def __init__(self, folder: Path, tiny: Path) -> None:
        self.folder, self._tiny = folder, tiny

    def add(self, name: str) -> Path:
        """Add a whole model and return its folder."""
        repository = self.folder / f"models--{name.replace('/', '--')}"
        snapshot = repository / "snapshots" / "0123abcd"
        shutil.copytree(self._tiny, snapshot)
        for part in ("refs", "blobs"):
            (repository / part).mkdir()
        (repository / "refs" / "main").write_text("0123abcd")
        (repository / "blobs" / "1").write_text("x")
        return snapshot

    def add_gated(self, name: str) -> None:
        """Add what is left of a download that the hub refused after the configuration."""
        snapshot = self.add(name)
        for file in snapshot.glob("*.safetensors"):
            file.unlink()
        (snapshot.parents[1] / "blobs" / "2.incomplete").write_text("y")

    def add_started(self, name: str) -> None:
        """Add a download that was stopped before it had a single whole file."""
        blobs = self.folder / f"models--{name.replace('/', '--')}" / "blobs"
        blobs.mkdir(parents=True)
        (blobs / "1.incomplete").write_text("z")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A fast device with much memory, whose speeds nobody has measured."""
    for name in ("HOME", "USERPROFILE"):  # other programs keep models there
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("OLLAMA_MODELS", "LLAMA_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("INFILL_LS_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setattr(precision, "choose_dtype", lambda device, quantization: torch.bfloat16)
    monkeypatch.setattr(devices, "free_bytes", lambda device: 80 << 30)
    monkeypatch.setattr(device_probe, "measure", lambda device: FAST)


@pytest.fixture
def cache(machine: None, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubCache:
    from huggingface_hub import constants

    hub = tmp_path / "hub"
    hub.mkdir()
    monkeypatch.setenv("HF_HUB_CACHE", str(hub))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(hub))
    return HubCache(hub, tiny_folder)


@pytest.mark.parametrize("device", [CPU, CUDA], ids=str)
def test_without_models_it_is_the_embedded_one_and_nothing_is_measured(
    cache: HubCache, monkeypatch: pytest.MonkeyPatch, device: torch.device
) -> None:
    monkeypatch.setattr(device_probe, "measure", lambda device: pytest.fail("measured for nothing"))
    assert choose_model(EngineSettings(), device) == ("embedded", EMBEDDED)


@pytest.mark.parametrize("device", [CPU, CUDA], ids=str)
def test_the_best_cached_model_is_taken_on_any_device(cache: HubCache, device: torch.device) -> None:
    folders = {name: cache.add(name) for name in (CL7, Q05, Q7)}
    assert choose_model(EngineSettings(), device) == (Q7, folders[Q7])


@pytest.mark.parametrize("device", [CPU, CUDA], ids=str)
def test_code_llama_comes_first_among_equals_also_from_a_mirror(cache: HubCache, device: torch.device) -> None:
    cache.add(Q05)
    folder = cache.add("meta-llama/CodeLlama-7b-hf")
    assert choose_model(EngineSettings(), device) == ("meta-llama/CodeLlama-7b-hf", folder)


@pytest.fixture
def small(cache: HubCache, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small model, as ``infill-ls models pull small`` leaves it, with few weights."""
    file = small_path()
    file.parent.mkdir(parents=True)
    file.write_bytes(gguf(*small_model()))
    monkeypatch.setattr("infill_completion.catalog.small.SMALL_BYTES", file.stat().st_size)
    return file


@pytest.mark.parametrize("device", [CPU, CUDA], ids=str)
def test_the_small_model_comes_before_the_embedded_one_and_after_all_others(
    cache: HubCache, small: Path, device: torch.device
) -> None:
    assert choose_model(EngineSettings(), device) == ("small", small)
    folder = cache.add(Q05)
    chosen, choice = choose_automatically(EngineSettings(), device)
    assert chosen is not None
    assert (chosen.name, chosen.folder) == (Q05, folder)
    assert [each.model for each in choice.passed_over] == [SMALL_ID]


def test_a_small_model_that_is_not_the_published_one_is_damaged(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taught, "TAUGHT", tmp_path)
    monkeypatch.setattr(taught, "_ADAPTERS", {(small.name, small.stat().st_size): "taught.safetensors"})
    Adapter(fingerprint(small), {"model.norm.weight.gain": torch.ones(32).half()}).write(
        tmp_path / "taught.safetensors"
    )
    assert choose_model(EngineSettings(), CPU) == ("small", small)
    assert find("small") == small
    small.write_bytes(small.read_bytes()[:-100] + bytes(100))  # as a download that reserves its room
    assert choose_model(EngineSettings(), CPU)[0] == "embedded"
    (passed,) = choose_automatically(EngineSettings(), CPU)[1].passed_over
    assert passed.reason == "is damaged; fetch it again with `infill-ls models pull small`"
    with pytest.raises(ModelError, match="The small model is damaged; fetch it with"):
        find("small")
    (tmp_path / "taught.safetensors").write_bytes(b"no adapter")  # says nothing of the model
    assert find("small") == small


def test_the_small_model_is_too_slow_for_some_machines(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_probe, "measure", lambda device: SLOW)
    assert choose_model(EngineSettings(), CPU)[0] == "embedded"


@pytest.mark.parametrize("device", [CPU, CUDA], ids=str)
def test_a_slow_machine_keeps_the_embedded_model(
    cache: HubCache, monkeypatch: pytest.MonkeyPatch, device: torch.device
) -> None:
    monkeypatch.setattr(device_probe, "measure", lambda device: SLOW)
    cache.add(Q05)
    assert choose_model(EngineSettings(), device)[0] == "embedded"
    (passed,) = choose_automatically(EngineSettings(), device)[1].passed_over
    assert "(estimated)" in passed.reason


def test_half_downloads_are_passed_over_and_named(cache: HubCache) -> None:
    cache.add_gated(Q7)
    cache.add_started("mistralai/Codestral-22B-v0.1")
    assert choose_model(EngineSettings(), CPU)[0] == "embedded"
    reasons = {each.model: each.reason for each in choose_automatically(EngineSettings(), CPU)[1].passed_over}
    assert reasons[Q7] == f"is half downloaded; finish it with `infill-ls models pull {Q7}`"
    assert "half downloaded" in reasons["mistralai/Codestral-22B-v0.1"]
    folder = cache.add(Q05)
    assert choose_model(EngineSettings(), CPU) == (Q05, folder)


def test_a_damaged_model_is_passed_over_and_named(cache: HubCache) -> None:
    (file,) = cache.add(Q7).glob("*.safetensors")
    file.write_bytes(b"no weights")
    cache.add(Q05)
    assert choose_model(EngineSettings(), CPU)[0] == Q05
    reasons = {each.model: each.reason for each in choose_automatically(EngineSettings(), CPU)[1].passed_over}
    assert reasons[Q7].startswith("cannot be read")


@pytest.mark.parametrize("config", ["", "[]", "3", "{}", '{"quantization_config": 1}', '{"num_attention_heads": "x"}'])
def test_a_damaged_configuration_is_no_error(cache: HubCache, config: str) -> None:
    (cache.add(Q7) / "config.json").write_text(config)
    folder = cache.add(Q05)
    assert choose_model(EngineSettings(), CPU) == (Q05, folder)


def test_a_model_without_its_tokenizer_is_half_downloaded(cache: HubCache) -> None:
    (cache.add(Q7) / "tokenizer.json").unlink()
    assert choose_model(EngineSettings(), CPU)[0] == "embedded"
    (passed,) = choose_automatically(EngineSettings(), CPU)[1].passed_over
    assert "is half downloaded" in passed.reason


def test_a_pickle_is_not_called_half_downloaded(cache: HubCache) -> None:
    snapshot = cache.add(Q7)
    (file,) = snapshot.glob("*.safetensors")
    file.rename(snapshot / "pytorch_model.bin")
    (passed,) = choose_automatically(EngineSettings(), CPU)[1].passed_over
    assert "has no safetensors weights" in passed.reason


def test_the_hub_library_is_not_imported_for_a_choice() -> None:
    program = (
        "import sys, torch; from infill_completion.engine.checkpoints.selection import choose_model\n"
        "from infill_completion.settings import EngineSettings\n"
        "choose_model(EngineSettings(), torch.device('cpu')); print('huggingface_hub' in sys.modules)"
    )
    environment = os.environ | {"HF_HUB_CACHE": "/nonexistent"}
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "False", done.stderr


def test_models_of_other_layers_are_not_taken(cache: HubCache) -> None:
    cache.add("google/codegemma-7b")
    cache.add("codellama/CodeLlama-34b-hf")
    chosen, choice = choose_automatically(EngineSettings(), CPU)
    reasons = {each.model: each.reason for each in choice.passed_over}
    assert "cannot run in the engine: Its layers are not Llama's" in reasons["google/codegemma-7b"]
    assert "was not trained to infill" in reasons["codellama/CodeLlama-34b-hf"]
    assert chosen is None


def test_a_measured_speed_decides(cache: HubCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.add(Q7)
    cache.add(Q05)
    quantization = precision.choose_quantization("auto", CPU, Q7)
    slow = ModelSpeed(300.0, 200.0, is_measured=True)
    details = {"device": "cpu", "model": Q7, "quantization": quantization}
    device_probe.keep_speed(details, slow)
    assert choose_model(EngineSettings(), CPU)[0] == Q05
    device_probe.keep_speed(details | {"model": "someone/else"}, slow)
    device_probe.keep_speed(details, ModelSpeed(10.0, 2000.0, is_measured=True))
    assert choose_model(EngineSettings(), CPU)[0] == Q7


def test_the_deadline_of_the_settings_file_counts(
    cache: HubCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.add(Q7)
    quantization = precision.choose_quantization("auto", CPU, Q7)
    details = {"device": "cpu", "model": Q7, "quantization": quantization}
    device_probe.keep_speed(details, ModelSpeed(100.0, 500.0, is_measured=True))  # 1.66 s a line
    assert choose_model(EngineSettings(), CPU)[0] == "embedded"
    (tmp_path / "config.toml").write_text("[completion]\ndeadline_ms = 3000\n")
    assert choose_model(EngineSettings(), CPU)[0] == Q7


def test_the_plan_says_what_would_be_better_and_why_others_were_not_taken(cache: HubCache) -> None:
    cache.add(Q05)
    cache.add_gated(CL7)
    plan = memory_plan(EngineSettings(device="cpu"))
    assert plan.model == Q05
    assert plan.better in plan.lines_ms
    assert plan.better.startswith("Qwen/")
    assert [model for model, _ in plan.passed_over] == [CL7]
    assert plan.line_ms == plan.lines_ms[Q05]
    assert not plan.is_measured
    assert json.loads(json.dumps(plan.lines_ms))


def test_the_plan_is_that_of_the_wanted_device(cache: HubCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several GPUs not all compute in bf16, and torch answers for the current one."""
    current: list[torch.device] = []
    monkeypatch.setattr(devices, "make_current", current.append)
    cache.add(Q05)
    assert memory_plan(EngineSettings(device="cpu")).model == Q05
    assert current == [CPU]


def test_a_gguf_file_of_another_program_is_taken_unless_a_checkpoint_is_there(
    cache: HubCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata, tensors = small_model()
    shape = {"block_count": 28, "embedding_length": 3584, "attention.head_count": 28, "attention.head_count_kv": 4}
    file = tmp_path / ".lmstudio" / "models" / "acme" / "coder" / "Qwen2.5-Coder-7B.Q4_K_M.gguf"
    file.parent.mkdir(parents=True)
    file.write_bytes(gguf(metadata | {f"llama.{key}": value for key, value in shape.items()}, tensors))
    monkeypatch.setattr(selection, "weight_bytes", lambda *arguments, **options: 1 << 30)
    cache.add(Q05)
    assert choose_model(EngineSettings(), CPU) == (str(file), file)
    cache.add_gated(Q7)
    assert choose_model(EngineSettings(), CPU) == (str(file), file)
    plan = memory_plan(EngineSettings(device="cpu"))
    assert plan.model == str(file)
    assert plan.line_ms == plan.lines_ms[Q7]


def test_a_whole_checkpoint_comes_before_a_gguf_file(cache: HubCache, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cache.add(Q7)
    model = known_model(Q7)
    assert model is not None
    other = GgufModel("x.gguf", cache.folder / "x.gguf", "LM Studio", 1)
    monkeypatch.setattr(selection, "known_files", lambda: [(model, other)])
    assert choose_model(EngineSettings(), CPU) == (Q7, folder)


def test_a_device_is_measured_once(machine: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[torch.device] = []

    def measure(device: torch.device) -> DeviceSpeed:
        runs.append(device)
        return FAST

    monkeypatch.setattr(device_probe, "measure", measure)
    store = SpeedStore(tmp_path / "speeds.json")
    assert [device_probe.device_speed(CPU, store) for _ in range(3)] == [FAST] * 3
    assert len(runs) == 1


def test_this_machine_can_be_measured() -> None:
    threads = torch.get_num_threads()
    found = device_probe.measure(CPU)
    assert found.bytes_per_s > 1e6
    assert found.operations_per_s > 1e6
    assert torch.get_num_threads() == threads
