"""Weights from GGUF files are those of transformers, and so are the tokens that follow a prompt."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.gguf.writer import pair_rows, tensor_names
from infill_completion.engine.checkpoints.checkpoint import load
from infill_completion.engine.checkpoints.fingerprint import fingerprint
from infill_completion.engine.checkpoints.gguf.loading import load_gguf
from infill_completion.engine.checkpoints.model_settings import ModelSettings
from infill_completion.engine.checkpoints.quantize import quantize
from infill_completion.engine.checkpoints.selection import find
from infill_completion.engine.checkpoints.weights import kv_bytes, weight_bytes
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.reference import generate
from infill_completion.settings import EngineSettings
from tests.catalog.gguf.gguf_writer import Stored, gguf, small_model
from tests.engine.checkpoints.gguf.block_oracle import random_blocks, values_of

CPU = torch.device("cpu")
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}  # fmt: skip
GRANITE = {
    "embedding_multiplier": 3.0, "residual_multiplier": 0.25, "attention_multiplier": 0.5, "logits_scaling": 2.0,
}  # fmt: skip
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {}),
    "llama, own head": ("Llama", {"tie_word_embeddings": False}),
    "llama, biases": ("Llama", {"attention_bias": True}),
    "llama, wide heads": ("Llama", {"head_dim": 16}),
    "llama, linear scaling": ("Llama", {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}}),
    "llama, 3.1": ("Llama", {"rope_parameters": LLAMA3}),
    "qwen2": ("Qwen2", {}),
    "qwen3": ("Qwen3", {"head_dim": 16}),
    "granite": ("Granite", GRANITE),
    "granite, biases, own head": (
        "Granite", GRANITE | {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": False},
    ),
    "starcoder2": ("Starcoder2", {}),
    "starcoder2, own head": ("Starcoder2", {"tie_word_embeddings": False}),
}  # fmt: skip


def silent(share: float, doing: str) -> None:
    """Ignore progress."""


def model_of(family: str) -> Any:
    """Return a random transformers model."""
    import transformers

    library: Any = transformers
    name, changes = FAMILIES[family]
    shape: dict[str, Any] = {
        "vocab_size": 260, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128, "head_dim": 8,
        "tie_word_embeddings": True, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
        "rms_norm_eps": 1e-5,
    }  # fmt: skip
    torch.manual_seed(len(family))
    model = getattr(library, f"{name}ForCausalLM")(getattr(library, f"{name}Config")(**shape | changes))
    for parameter in model.parameters():  # logits far apart, and biases and norms that matter
        parameter.data.add_(torch.randn_like(parameter) * 0.2)
    return model.eval()


def exported(model: Any, kind: str, architecture: str) -> bytes:
    """Return the model as a GGUF file in 32 bits, as llama.cpp's converter writes it."""
    config = model.config
    metadata, _ = small_model()
    metadata |= {
        "general.architecture": architecture, f"{architecture}.block_count": 2, f"{architecture}.context_length": 128,
        f"{architecture}.embedding_length": 32, f"{architecture}.feed_forward_length": 64,
        f"{architecture}.attention.head_count": 4, f"{architecture}.attention.head_count_kv": 2,
        f"{architecture}.attention.key_length": config.head_dim,
        f"{architecture}.attention.value_length": config.head_dim,
        f"{architecture}.attention.layer_norm_rms_epsilon": 1e-5, f"{architecture}.rope.freq_base": 1e4,
    }  # fmt: skip
    if architecture == "granite":
        names = ("embedding_scale", "residual_scale", "attention.scale", "logit_scale")
        metadata |= {f"granite.{name}": value for name, value in zip(names, GRANITE.values(), strict=True)}
    if architecture == "starcoder2":
        metadata["starcoder2.attention.layer_norm_epsilon"] = config.norm_epsilon
    if config.rope_parameters["rope_type"] == "linear":
        metadata |= {f"{architecture}.rope.scaling.type": "linear", f"{architecture}.rope.scaling.factor": 4.0}
    tensors = {}
    if config.rope_parameters["rope_type"] == "llama3":
        plain = 1.0 / 1e4 ** (torch.arange(0, 8, 2).float() / 8)
        tensors["rope_freqs.weight"] = stored("F32", plain / model.model.rotary_emb.inv_freq)
    for name, own in model.state_dict().items():
        values = own
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        turned = next((count for part, count in {"q_proj": 4, "k_proj": 2}.items() if part in name), 0)
        if turned and architecture in {"llama", "granite"}:
            flat = values.reshape(values.shape[0], -1).numpy()
            values = torch.from_numpy(pair_rows(flat, turned).copy()).reshape(values.shape)
        tensors[theirs(name)] = stored(kind if values.ndim > 1 else "F32", values)
    return gguf(metadata, tensors)


def theirs(name: str) -> str:
    """Return llama.cpp's name of a tensor."""
    stem, _, end = name.rpartition(".")
    others = {"q_norm": "attn_q_norm", "k_norm": "attn_k_norm", "c_fc": "ffn_up", "c_proj": "ffn_down"}
    if (short := stem.rpartition(".")[2]) in others:
        return f"blk.{stem.split('.')[2]}.{others[short]}.{end}"
    return tensor_names(2)[f"{stem}.weight"].removesuffix("weight") + end


def stored(kind: str, values: torch.Tensor) -> Stored:
    numbers = values.flatten().tolist()
    if kind == "BF16":
        data = values.bfloat16().contiguous().view(torch.int16).numpy().tobytes()
    else:
        data = struct.pack(f"<{len(numbers)}{'f' if kind == 'F32' else 'e'}", *numbers)
    return Stored(kind, tuple(values.shape), data)


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_are_those_of_transformers(tmp_path: Path, family: str) -> None:
    model, path = model_of(family), tmp_path / "model.gguf"
    path.write_bytes(exported(model, "F32", family.split(",", maxsplit=1)[0]))
    loaded: Any = load_gguf(path, torch.float32, CPU)
    expected = dict(model.named_parameters())
    found = dict(loaded.named_parameters())
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert torch.equal(found[name], values), name
    assert (loaded.lm_head.weight is loaded.model.embed_tokens.weight) == model.config.tie_word_embeddings
    probe, positions = torch.zeros(1), torch.arange(100)[None]
    for ours, of_transformers in zip(
        loaded.model.rotary_emb(probe, positions), model.model.rotary_emb(probe, positions), strict=True
    ):
        assert torch.allclose(ours, of_transformers, atol=2e-5)


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_likeliest_tokens_are_those_of_transformers(tmp_path: Path, family: str, kind: str) -> None:
    model, path = model_of(family), tmp_path / "model.gguf"
    path.write_bytes(exported(model, kind, family.split(",", maxsplit=1)[0]))
    rounded = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}[kind]
    for parameter in model.parameters():
        parameter.data = parameter.data if parameter.ndim == 1 else parameter.data.to(rounded).float()
    checkpoint = load(EngineSettings(model=str(path), device="cpu", quantization="none"), silent)
    decoder = Decoder(checkpoint.model, 128, tokens=checkpoint.tokenizer.vocab_size)
    prompt = [5, 70, 111, 9, 200, 33]
    with torch.inference_mode():
        expected = list(prompt)
        for _ in range(24):
            expected.append(int(model(torch.tensor([expected])).logits[0, -1].argmax()))
    assert generate(decoder, [prompt], 24, temperature=0.0)[0].tokens == expected[len(prompt) :]


@pytest.mark.parametrize(
    "kind", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "Q2_K", "Q3_K", "IQ4_NL", "IQ4_XS"]
)
def test_quantized_matrices_of_many_chunks_are_read_whole(tmp_path: Path, kind: str) -> None:
    metadata, tensors = small_model()
    hidden, vocab = 256, 40
    data = random_blocks(kind, vocab * hidden // (256 if kind.endswith(("K", "XS")) else 32), seed=1)
    metadata["llama.embedding_length"] = hidden
    metadata["llama.attention.key_length"] = metadata["llama.attention.value_length"] = 4
    wide = {
        "blk.0.attn_norm": (hidden,), "blk.0.attn_q": (8, hidden), "blk.0.attn_k": (4, hidden),
        "blk.0.attn_v": (4, hidden), "blk.0.attn_output": (hidden, 8), "blk.0.ffn_norm": (hidden,),
        "blk.0.ffn_gate": (16, hidden), "blk.0.ffn_up": (16, hidden), "blk.0.ffn_down": (hidden, 16),
        "output_norm": (hidden,),
    }  # fmt: skip
    tensors |= {f"{name}.weight": stored("F32", torch.zeros(shape)) for name, shape in wide.items()}
    tensors["token_embd.weight"] = Stored(kind, (vocab, hidden), data)
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf(metadata, tensors))
    for at_once in (1, 8192, 1 << 20):  # 16 rows, 32 rows, everything
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("infill_completion.engine.checkpoints.gguf.tensors._AT_ONCE", at_once)
            loaded: Any = load_gguf(path, torch.float32, CPU)
        assert loaded.model.embed_tokens.weight.flatten().tolist() == values_of(kind, data)


def written(folder: Path, **changes: Stored | None) -> Path:
    """Write the small model with other tensors; None removes one."""
    metadata, tensors = small_model()
    tensors |= {name: tensor for name, tensor in changes.items() if tensor is not None}
    kept = {name: tensor for name, tensor in tensors.items() if changes.get(name, tensor) is not None}
    (folder / "model.gguf").write_bytes(gguf(metadata, kept))
    return folder / "model.gguf"


TENSORS: dict[str, tuple[dict[str, Stored | None], str]] = {
    "missing": ({"blk.0.attn_q.weight": None}, "blk.0.attn_q.weight"),
    "of another shape": ({"blk.0.attn_q.weight": stored("F32", torch.zeros(8, 16))}, "wrong shape"),
    "unknown": ({"blk.0.attn_sinks.weight": stored("F32", torch.zeros(2))}, "not known"),
    "in an unknown type": ({"output.weight": Stored("MXFP4", (260, 32), bytes(260 * 17))}, "shape"),
    "factors of another shape": ({"rope_freqs.weight": stored("F32", torch.zeros(3))}, "wrong shape"),
}  # fmt: skip


@pytest.mark.parametrize("case", TENSORS)
def test_tensors_that_do_not_fit_are_one_sentence(tmp_path: Path, case: str) -> None:
    changes, expected = TENSORS[case]
    with pytest.raises(ModelError, match=expected) as error:
        load(EngineSettings(model=str(written(tmp_path, **changes)), device="cpu"), silent)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


def test_a_type_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    metadata, tensors = small_model()
    metadata |= {"llama.embedding_length": 32, "llama.attention.key_length": 4, "llama.attention.value_length": 4}
    shapes = {name: tuple(32 if size == 8 else size for size in tensor.shape) for name, tensor in tensors.items()}
    shapes |= {"blk.0.attn_q.weight": (8, 32), "blk.0.attn_output.weight": (32, 8)}
    tensors = {name: stored("F32", torch.zeros(shape)) for name, shape in shapes.items()}
    tensors["token_embd.weight"] = Stored("MXFP4", (260, 32), bytes(260 * 17))
    (tmp_path / "model.gguf").write_bytes(gguf(metadata, tensors))
    with pytest.raises(ModelError, match="MXFP4") as error:
        load(EngineSettings(model=str(tmp_path / "model.gguf"), device="cpu"), silent)
    assert "Q4_K" in str(error.value)


def test_a_file_that_shrinks_while_it_is_read_is_one_sentence(tmp_path: Path) -> None:
    path = written(tmp_path)
    seen: list[float] = []

    def shrink(share: float) -> None:
        seen.append(share)
        with path.open("r+b") as file:
            file.truncate(9_000)

    with pytest.raises(ModelError, match="changed"):
        load_gguf(path, torch.float32, CPU, shrink)
    assert seen


def test_settings_lie_beside_the_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "infill.json").write_text('{"draft_tokens": 9}')
    assert ModelSettings.read(path) == ModelSettings()
    (tmp_path / "model.infill.json").write_text('{"draft_tokens": 2, "heal": false}')
    assert ModelSettings.read(path) == ModelSettings(draft_tokens=2, heal=False)
    (tmp_path / "model.infill.json").write_text('{"draft_tokens": "2"}')
    with pytest.raises(ModelError, match=r"model\.infill\.json"):
        ModelSettings.read(path)


def test_a_folder_with_a_file_is_that_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert find(str(tmp_path)) == find(str(path)) == path
    (tmp_path / "other.gguf").write_bytes(path.read_bytes())
    with pytest.raises(ModelError, match="several GGUF files"):
        find(str(tmp_path))
    (tmp_path / "notes.txt").write_text("GG")
    with pytest.raises(ModelError, match="is not a GGUF file"):
        find(str(tmp_path / "notes.txt"))


def test_a_cached_repository_of_files_is_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--acme--small-GGUF" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    path = written(snapshot)
    (snapshot.parent.parent / "blobs").mkdir()
    (snapshot.parent.parent / "blobs" / "1").write_bytes(path.read_bytes())
    assert find("acme/small-GGUF") == path


def test_a_file_is_not_quantized_again(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="rounded already; name the original model"):
        quantize(str(written(tmp_path)), tmp_path / "new", lambda doing: None)
    assert not (tmp_path / "new").exists()


def test_a_file_completes_as_a_model(tmp_path: Path) -> None:
    path = written(tmp_path)
    settings = EngineSettings(model=str(path), device="cpu")
    generator = Generator.load(settings, silent)
    details = generator.details
    assert (details["folder"], details["infilling"], details["format"]) == (str(path), True, "GGUF")
    assert details["sha256"] == fingerprint(path)
    generator.close()
    values = sum(parameter.numel() for parameter in load_gguf(path, torch.float32, CPU).parameters())
    assert weight_bytes(path, "none", torch.float32) == 4 * values
    assert kv_bytes(path, 10, torch.float32) == 10 * 2 * 1 * 4 * 4


FOREIGN: dict[str, tuple[dict[str, Any], str]] = {
    "soft cap": ({"llama.final_logit_softcapping": 30.0}, "has `llama.final_logit_softcapping`"),
    "soft cap of attention": ({"llama.attn_logit_softcapping": 50.0}, "has `llama.attn_logit_softcapping`"),
    "scale of another family": ({"llama.residual_scale": 0.25}, "has `llama.residual_scale`"),
    "scale of attention": ({"llama.attention.scale": 0.5}, "has `llama.attention.scale`"),
    "sees what follows": ({"llama.attention.causal": False}, "has `llama.attention.causal`"),
    "parallel blocks": ({"llama.use_parallel_residual": True}, "has `llama.use_parallel_residual`"),
    "a text for a number": ({"llama.attention.sliding_window": "4096"}, "unusable value"),
    "part of each head": ({"llama.rope.dimension_count": 2}, "attention heads"),
    "other layers": ({"general.architecture": "gemma2"}, "of the kind `gemma2`, and only llama, qwen2, qwen3, granite"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_other_models_compute_is_refused(tmp_path: Path, case: str) -> None:
    changes, expected = FOREIGN[case]
    metadata, tensors = small_model()
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf(metadata | changes, tensors))
    with pytest.raises(ModelError) as error:
        load(EngineSettings(model=str(path), device="cpu"), silent)
    assert expected in str(error.value)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize(
    "changes",
    [
        {"llama.final_logit_softcapping": 0.0, "llama.logit_scale": 1.0, "llama.attention.scale": 0.0},
        {"llama.attention.causal": True, "llama.use_parallel_residual": False, "llama.rope.scaling.finetuned": True},
    ],
)
def test_numbers_that_change_nothing_are_accepted(tmp_path: Path, changes: dict[str, Any]) -> None:
    metadata, tensors = small_model()
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf(metadata | changes, tensors))
    assert load_gguf(path, torch.float32, CPU)


@pytest.mark.parametrize(
    ("family", "changes", "window"),
    [
        ("llama", {}, None),
        ("llama", {"llama.attention.sliding_window": 48}, 48),
        ("qwen2", {"qwen2.attention.sliding_window": 48}, 48),
        ("starcoder2", {}, 4096),
        ("starcoder2", {"starcoder2.attention.sliding_window": 48}, 48),
    ],
)
def test_prompts_keep_to_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str, changes: dict[str, Any], window: int | None
) -> None:
    original = gguf
    monkeypatch.setitem(globals(), "gguf", lambda metadata, tensors: original(metadata | changes, tensors))
    path = tmp_path / "model.gguf"
    path.write_bytes(exported(model_of(family), "F32", family))
    generator = Generator.load(EngineSettings(model=str(path), device="cpu"), silent)
    assert generator.model.forward_pass.decoder.architecture.window == window
    longest = min(128, window or 128)
    assert generator.details["context_tokens"] <= longest - longest // 4
    assert generator.model.forward_pass.decoder.capacity <= longest
    generator.close()
