"""Exported weights give the same attention with llama.cpp's rotated pairs as with rotated halves."""

import importlib.util

import numpy as np
import pytest
from safetensors import safe_open

from benchmarks.gguf.writer import KINDS, pair_rows, tensor_names, write
from infill_completion.engine.checkpoints.selection import EMBEDDED


def rotated_halves(x, angles):
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    return np.concatenate(
        [first * np.cos(angles) - second * np.sin(angles), second * np.cos(angles) + first * np.sin(angles)], -1
    )


def rotated_pairs(x, angles):
    first, second = x[..., ::2], x[..., 1::2]
    out = np.empty_like(x)
    out[..., ::2] = first * np.cos(angles) - second * np.sin(angles)
    out[..., 1::2] = second * np.cos(angles) + first * np.sin(angles)
    return out


def test_scores_of_attention_are_the_same_in_both_orders():
    random = np.random.default_rng(0)
    heads, width, hidden = 3, 8, 24
    query, key = (random.normal(size=(heads * width, hidden)) for _ in range(2))
    x, y = random.normal(size=hidden), random.normal(size=hidden)
    early, late = random.normal(size=width // 2), random.normal(size=width // 2)

    def scores(order, rotate):
        q = rotate((order(query) @ x).reshape(heads, width), early)
        k = rotate((order(key) @ y).reshape(heads, width), late)
        return (q * k).sum(-1)

    expected = scores(lambda weight: weight, rotated_halves)
    assert scores(lambda weight: pair_rows(weight, heads), rotated_pairs) == pytest.approx(expected)


def test_every_tensor_of_the_embedded_model_has_a_name():
    with safe_open(EMBEDDED / "model.safetensors", "np") as file:
        names = set(file.keys())
    layers = len({name.split(".")[2] for name in names if name.startswith("model.layers.")})
    assert set(tensor_names(layers)) >= names
    assert len(set(tensor_names(layers).values())) == len(tensor_names(layers))


@pytest.mark.skipif(importlib.util.find_spec("gguf") is None, reason="the package gguf is not installed")
@pytest.mark.parametrize("kind", KINDS)
def test_the_embedded_model_is_written_whole(kind, tmp_path):
    import gguf

    target = tmp_path / "model.gguf"
    write(EMBEDDED, target, kind)
    read = gguf.GGUFReader(target)
    with safe_open(EMBEDDED / "model.safetensors", "pt") as file:
        count = len(list(file.keys()))
        head = file.get_tensor("model.embed_tokens.weight").float().numpy()
    tensors = {tensor.name: tensor for tensor in read.tensors}
    assert len(tensors) >= count
    embedding = gguf.quants.dequantize(tensors["token_embd.weight"].data, tensors["token_embd.weight"].tensor_type)
    step = np.abs(head).max() / 100
    assert np.abs(np.asarray(embedding, dtype=np.float32).reshape(head.shape) - head).max() <= step
