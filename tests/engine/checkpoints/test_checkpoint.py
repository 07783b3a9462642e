from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from infill_completion.catalog import SMALL_MODEL, quantised_path
from infill_completion.engine.checkpoints import devices, precision
from infill_completion.engine.checkpoints.checkpoint import Checkpoint, load
from infill_completion.engine.checkpoints.devices import choose_attention, choose_device
from infill_completion.engine.checkpoints.model_settings import ModelSettings, RerankParameters
from infill_completion.engine.checkpoints.precision import choose_dtype, choose_quantization
from infill_completion.engine.checkpoints.selection import EMBEDDED, choose_model, find
from infill_completion.engine.checkpoints.weights import weight_bytes
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.decoding.loaded_model import LoadedModel
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model import int8
from infill_completion.engine.ngram.fitted import FITTED
from infill_completion.prompt.formats import PromptLayout
from infill_completion.settings import EngineSettings
from tests.engine.tiny import save_tiny


def silent(share: float, doing: str) -> None:
    """Ignore progress."""


def one_sentence(error: pytest.ExceptionInfo[ModelError]) -> str:
    text = str(error.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


def test_auto_on_a_cpu_is_the_embedded_model() -> None:
    assert choose_model(EngineSettings(), torch.device("cpu")) == ("embedded", EMBEDDED)


@pytest.mark.parametrize("name", ["no such model", "nobody/no-such-model-here", "../nowhere", "org/", ""])
def test_an_unknown_model_is_one_sentence(name: str) -> None:
    with pytest.raises(ModelError) as error:
        find(name or "?")
    text = one_sentence(error)
    assert "infill-ls models pull" in text or "engine.model" in text


def test_a_folder_without_a_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no config\.json"):
        find(str(tmp_path))


def test_a_half_fetched_checkpoint_names_what_is_missing(tmp_path: Path) -> None:
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    (tmp_path / shards["a"]).touch()
    with pytest.raises(ModelError, match="is incomplete") as error:
        find(str(tmp_path))
    assert shards["b"] in one_sentence(error)
    assert shards["a"] not in str(error.value)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(ModelError, match="no safetensors weights"):
        find(str(tmp_path))


def test_a_truncated_file_is_noticed_before_loading(tiny_folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_folder, broken)
    whole = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="is incomplete") as error:
        load(EngineSettings(model=str(broken), device="cpu"), silent)
    one_sentence(error)
    (broken / "model.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(ModelError, match="damaged") as error:
        load(EngineSettings(model=str(broken), device="cpu"), silent)
    one_sentence(error)


def test_an_unknown_architecture_is_one_sentence(tiny_folder: Path, tmp_path: Path) -> None:
    strange = tmp_path / "strange"
    shutil.copytree(tiny_folder, strange)
    (strange / "config.json").write_text(json.dumps({"model_type": "no-such-type"}))
    with pytest.raises(ModelError, match="`no-such-type` are not supported") as error:
        load(EngineSettings(model=str(strange), device="cpu"), silent)
    one_sentence(error)


def test_code_in_a_checkpoint_is_never_run(tiny_folder: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    shutil.copytree(tiny_folder, trap)
    config = json.loads((trap / "config.json").read_text())
    config |= {"model_type": "trap", "auto_map": {"AutoConfig": "trap.Trap", "AutoModelForCausalLM": "trap.Trap"}}
    (trap / "config.json").write_text(json.dumps(config))
    (trap / "trap.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n")
    with pytest.raises(ModelError):
        load(EngineSettings(model=str(trap), device="cpu"), silent)
    assert not (tmp_path / "sprung").exists()


def test_a_model_too_big_is_refused_before_loading(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "free_bytes", lambda device: 1 << 20)
    with pytest.raises(ModelError, match=r"needs 0\.0 GiB and cpu has 0\.0 GiB free") as error:
        load(EngineSettings(model=str(tiny_folder), device="cpu"), silent)
    one_sentence(error)


def test_the_memory_computed_is_the_memory_taken(tiny_folder: Path) -> None:
    for quantization in ("none", "nf4"):
        settings = EngineSettings(model=str(tiny_folder), device="cpu", quantization=quantization)
        loaded = load(settings, silent)
        taken = loaded.model.get_memory_footprint(return_buffers=False)
        # Quantisation constants are rounded up to whole blocks in layers this small.
        assert loaded.weight_bytes == pytest.approx(taken, rel=0.02)


def test_nf4_takes_a_quarter_of_sixteen_bits(tiny_folder: Path) -> None:
    whole = weight_bytes(tiny_folder, "none", torch.bfloat16)
    packed = weight_bytes(tiny_folder, "nf4", torch.bfloat16)
    fixed = 2 * 4096 * 64 * 2
    assert (packed - fixed) / (whole - fixed) == pytest.approx(4.127 / 16, rel=0.05)


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "cuda:x"])
def test_a_device_that_is_not_there_is_one_sentence(device: str) -> None:
    with pytest.raises(ModelError, match="no device") as error:
        choose_device(device)
    one_sentence(error)


def test_auto_quantises_as_the_device_likes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_quantization("auto", torch.device("cuda"), "codellama/CodeLlama-7b-hf") == "nf4"
    monkeypatch.setattr(int8, "available", lambda: True)
    assert choose_quantization("auto", torch.device("cpu"), "codellama/CodeLlama-7b-hf") == "int8"
    monkeypatch.setattr(int8, "available", lambda: False)
    assert choose_quantization("auto", torch.device("cpu"), "codellama/CodeLlama-7b-hf") == "none"
    assert choose_quantization("auto", torch.device("cuda"), "embedded") == "none"
    assert choose_quantization("nf4", torch.device("cpu"), "embedded") == "nf4"


def test_quantised_models_never_compute_in_thirty_two_bits() -> None:
    assert choose_dtype(torch.device("cpu"), "nf4") is torch.bfloat16


@pytest.mark.parametrize(("is_native", "expected"), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_gpu_that_only_emulates_bf16_computes_in_fp16(
    monkeypatch: pytest.MonkeyPatch, is_native: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: is_native or including_emulation
    )
    assert choose_dtype(torch.device("cuda"), "nf4") is expected


def test_cudnn_attention_is_off_on_cuda_only(monkeypatch: pytest.MonkeyPatch) -> None:
    switched: list[bool] = []
    monkeypatch.setattr(torch.backends.cuda, "enable_cudnn_sdp", switched.append)
    choose_attention(torch.device("cpu"))
    assert switched == []
    choose_attention(torch.device("cuda"))
    assert switched == [False]


def test_the_models_device_is_that_of_the_thread_before_it_is_asked_anything(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, torch.device]] = []
    monkeypatch.setattr(devices, "make_current", lambda device: calls.append(("current", device)))
    chosen = precision.choose_dtype

    def choose(device: torch.device, quantization: str) -> torch.dtype:
        calls.append(("type", device))
        return chosen(device, quantization)

    monkeypatch.setattr(precision, "choose_dtype", choose)
    cpu = torch.device("cpu")
    loaded = load(EngineSettings(model=str(tiny_folder), device="cpu", quantization="none"), silent)
    assert calls == [("current", cpu), ("type", cpu)]
    LoadedModel(loaded, 512)  # maybe in another thread
    assert calls[2:] == [("current", cpu)]


def test_a_quantised_checkpoint_is_loaded_as_it_is(tiny_folder: Path, tmp_path: Path) -> None:
    settings = EngineSettings(model=str(tiny_folder), device="cpu", quantization="nf4")
    loaded = load(settings, silent)
    packed = tmp_path / "packed"
    loaded.model.save_pretrained(packed)
    shutil.copy(tiny_folder / "tokenizer.json", packed)
    again = load(EngineSettings(model=str(packed), device="cpu", quantization="nf4"), silent)
    ids = torch.arange(5, 25)[None]
    with torch.inference_mode():
        assert torch.equal(loaded.model(ids).logits, again.model(ids).logits)


def test_settings_of_a_model_stand_beside_it(tmp_path: Path) -> None:
    written = {"name": "n", "layout": "psm", "heal": False, "context_tokens": 99, "cache": {"bias": 1.5}, "new": 1}
    (tmp_path / "infill.json").write_text(json.dumps(written))
    settings = ModelSettings.read(tmp_path)
    assert (settings.layout, settings.heal, settings.context_tokens) == (PromptLayout.PSM, False, 99)
    assert settings.cache is not None
    assert settings.cache.bias == 1.5
    assert ModelSettings.read(tmp_path / "elsewhere").cache is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", RerankParameters()),
        ('{"rerank": null}', None),
        ('{"rerank": {"suffix_weight": 2, "unknown": 1}}', RerankParameters(suffix_weight=2)),
    ],
)
def test_what_the_suffix_chooses_by_is_a_setting(tmp_path: Path, text: str, expected: RerankParameters | None) -> None:
    (tmp_path / "infill.json").write_text(text)
    assert ModelSettings.read(tmp_path).rerank == expected


def test_the_small_model_has_fitted_weights_unless_its_own_file_says_otherwise(tmp_path: Path) -> None:
    assert SMALL_MODEL.shape is not None
    config = {
        "model_type": "llama", "num_hidden_layers": 30, "hidden_size": 576, "intermediate_size": 1536,
        "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49_152, "tie_word_embeddings": True,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))  # the folder's name says nothing
    assert ModelSettings.read(tmp_path).cache == FITTED[SMALL_MODEL.shape].prompt
    (tmp_path / "infill.json").write_text('{"cache": null}')
    assert ModelSettings.read(tmp_path).cache is None
    (tmp_path / "infill.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps(config | {"hidden_size": 1152}))
    assert ModelSettings.read(tmp_path).cache is None
    assert ModelSettings.read(tmp_path, SMALL_MODEL.id).layout is PromptLayout.LEFT_TO_RIGHT


_WRONG = [
    "{", "[]", '{"layout": "sideways"}', '{"cache": {"bias": "much"}}', '{"heal": "no"}', '{"rerank": true}',
    '{"rerank": {"alternatives": -1}}', '{"rerank": {"least_share": 0}}', '{"rerank": {"suffix_tokens": 0}}',
]  # fmt: skip


@pytest.mark.parametrize("text", _WRONG)
def test_wrong_settings_of_a_model_are_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "infill.json").write_text(text)
    with pytest.raises(ModelError) as error:
        ModelSettings.read(tmp_path)
    one_sentence(error)


def test_left_to_right_models_say_so(tiny_folder: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    shutil.copytree(tiny_folder, plain)
    document = json.loads((plain / "tokenizer.json").read_text(encoding="utf-8"))
    names = ("▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>")
    for name in names:
        del document["model"]["vocab"][name]
    document["added_tokens"] = [token for token in document["added_tokens"] if token["content"] not in names]
    (plain / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    generator = Generator.load(EngineSettings(model=str(plain), device="cpu"), silent)
    assert (generator.details["infilling"], generator.details["layout"]) == (False, "left_to_right")
    generator.close()


@pytest.fixture
def hub(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache with ``someone/tiny`` and ``codellama/CodeLlama-7b-hf``, both the tiny model."""
    from huggingface_hub import constants

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))  # ignore models that the developer has quantised

    for name in ("someone/tiny", "codellama/CodeLlama-7b-hf"):
        repository = tmp_path / f"models--{name.replace('/', '--')}"
        shutil.copytree(tiny_folder, repository / "snapshots" / "0123abcd")
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("0123abcd")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_a_cached_hub_id_is_found_without_the_network(hub: Path) -> None:
    assert find("someone/tiny") == hub / "models--someone--tiny" / "snapshots" / "0123abcd"
    with pytest.raises(ModelError, match="infill-ls models pull someone/else"):
        find("someone/else")


def test_auto_takes_the_best_cached_model_that_fits(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "choose_dtype", lambda device, quantization: torch.bfloat16)
    cuda = torch.device("cuda")
    for free, name in ((80 << 30, "codellama/CodeLlama-7b-hf"), (1 << 20, "embedded")):
        monkeypatch.setattr(devices, "free_bytes", lambda device, free=free: free)
        assert choose_model(EngineSettings(), cuda)[0] == name


@pytest.fixture
def made(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Creates a model's checkpoint where ``infill-ls models quantize`` would write it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def make(name: str) -> Path:
        folder = quantised_path(name)
        shutil.copytree(tiny_folder, folder)
        config = json.loads((folder / "config.json").read_text())
        config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    return make


def test_auto_prefers_the_checkpoint_that_was_quantised_here(
    hub: Path, made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "choose_dtype", lambda device, quantization: torch.bfloat16)
    monkeypatch.setattr(devices, "free_bytes", lambda device: 80 << 30)
    cuda, name = torch.device("cuda"), "codellama/CodeLlama-7b-hf"
    fetched = hub / "models--codellama--CodeLlama-7b-hf" / "snapshots" / "0123abcd"
    assert choose_model(EngineSettings(), cuda) == (name, fetched)
    folder = made(name)
    assert choose_model(EngineSettings(), cuda) == (name, folder)
    assert choose_model(EngineSettings(model=name), cuda) == (name, folder)
    # A request for other weights gets the original checkpoint.
    for other in (EngineSettings(quantization="none"), EngineSettings(model=name, quantization="int8")):
        assert choose_model(other, cuda) == (name, fetched)
    assert ModelSettings.read(folder, name).layout is PromptLayout.SPM
    bigger = made("codellama/CodeLlama-13b-hf")  # not in the hub's cache at all
    assert choose_model(EngineSettings(), cuda) == ("codellama/CodeLlama-13b-hf", bigger)


def test_auto_finds_what_else_was_quantised(made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "choose_dtype", lambda device, quantization: torch.bfloat16)
    monkeypatch.setattr(devices, "free_bytes", lambda device: 80 << 30)
    made("Qwen/Qwen2.5-Coder-3B")
    made("codellama/CodeLlama-34b-hf")  # left to right: never unasked
    made("somebodys-own")
    folder = made("Qwen/Qwen2.5-Coder-14B")
    found = choose_model(EngineSettings(), torch.device("cuda"))
    assert found == ("Qwen/Qwen2.5-Coder-14B", folder)
    assert choose_model(EngineSettings(), torch.device("cpu"))[0] == "embedded"


def test_a_model_fits_only_with_the_keys_and_values_of_its_prompt(
    hub: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "choose_dtype", lambda device, quantization: torch.bfloat16)
    weights = weight_bytes(tiny_folder, "nf4", torch.bfloat16)
    a_token = 2 * 2 * 2 * 16 * 2  # keys and values of two layers, two heads, sixteen numbers of two bytes
    needed = weights + 4096 * a_token + (256 << 20)
    for free, name in ((needed, "codellama/CodeLlama-7b-hf"), (needed - 1, "embedded")):
        monkeypatch.setattr(devices, "free_bytes", lambda device, free=free: free)
        assert choose_model(EngineSettings(), torch.device("cuda"))[0] == name


def test_the_context_is_what_the_memory_left_over_allows(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = EngineSettings(model=str(tiny_folder), device="cpu", quantization="none")
    loaded = load(settings, silent)
    whole = Generator(LoadedModel(loaded, 4096))
    answer = whole.model.forward_pass.decoder.capacity - whole.model.context_tokens
    monkeypatch.setattr(
        devices, "free_bytes", lambda device: 2 * 300 * whole.model.forward_pass.kv_shape.bytes_per_token
    )
    scarce = Generator(LoadedModel(load_again(tiny_folder, monkeypatch), 4096))
    assert scarce.model.slots.capacity == 300
    assert scarce.model.context_tokens == scarce.details["context_tokens"] == 300 - answer < whole.model.context_tokens
    assert scarce.model.slots.count == 1


def load_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    with monkeypatch.context() as patch:
        patch.setattr(devices, "free_bytes", lambda device: None)
        return load(EngineSettings(model=str(folder), device="cpu", quantization="none"), silent)


@pytest.mark.parametrize("name", ["codellama/CodeLlama-7b-hf", "someone/tiny"])
def test_nothing_is_asked_of_the_network(hub: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Online or offline, a model is loaded from this machine or refused; no connection is attempted."""

    def refuse(*_args: object, **_options: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    load(EngineSettings(model=name, device="cpu", quantization="none"), silent)
    with pytest.raises(ModelError, match=r"is not on this machine; fetch it .* \(for a gated model, first accept"):
        load(EngineSettings(model="someone/else", device="cpu"), silent)


def test_infilling_tokens_that_the_model_does_not_have_are_not_used(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path, vocab_size=4092)  # the tokenizer's four infilling ids are 4092 to 4095
    generator = Generator.load(EngineSettings(model=str(folder), device="cpu"), silent)
    assert (generator.details["infilling"], generator.details["layout"]) == (False, "left_to_right")
    generator.close()
