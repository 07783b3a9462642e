"""The model in training and the shipped one compute the same function, and convert in both directions."""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from training.model import Llama, LlamaShape

SHAPE = LlamaShape(
    vocab_size=97, hidden_size=128, intermediate_size=160, num_hidden_layers=2, num_attention_heads=2,
    max_position_embeddings=64,
)  # fmt: skip


def _model(seed: int) -> Llama:
    torch.manual_seed(seed)
    model = Llama(SHAPE, 64)
    for layer in model.stack():  # They are initialised to zero, which would hide a swapped pair of matrices.
        torch.nn.init.normal_(layer.out, std=0.1)
        torch.nn.init.normal_(layer.down, std=0.1)
    return model


def test_a_trained_model_has_the_same_loss_in_transformers() -> None:
    model = _model(1)
    ids = torch.randint(0, SHAPE.vocab_size, (3, 64))
    targets = ids.roll(-1, 1)
    shipped = LlamaForCausalLM(LlamaConfig.from_dict(SHAPE.config()))
    shipped.load_state_dict(model.checkpoint())
    with torch.no_grad():
        logits = shipped.float()(ids).logits
        theirs = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        torch.testing.assert_close(model(ids, targets), theirs, rtol=0, atol=0.02)  # Training multiplies in bf16.


def test_training_goes_on_from_an_exported_checkpoint() -> None:
    exported = _model(1).checkpoint()
    other = _model(2)
    other.load_checkpoint(exported)
    again = other.checkpoint()
    assert again.keys() == exported.keys()
    assert all(torch.equal(again[name], tensor) for name, tensor in exported.items())
