"""Loads a GGUF file as the modules that the decoder reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor, nn

from infill_completion.catalog.gguf import Description, GgufError, GgufFile, describe, read
from infill_completion.engine.checkpoints.gguf.contents import ROPE_FACTORS, Place, places
from infill_completion.engine.checkpoints.gguf.tensors import tensors
from infill_completion.engine.checkpoints.modules import Rotary, causal_model
from infill_completion.engine.errors import ModelError

environment.prepare()


def opened(path: Path) -> tuple[GgufFile, Description]:
    """Return the header of a file and what it says about its model.

    Raises:
        ModelError: The file is damaged or of an unsupported kind.
    """
    try:
        state = path.stat()
        return _opened(path, state.st_mtime_ns, state.st_size)
    except GgufError as error:
        raise ModelError(str(error)) from error
    except OSError as error:
        raise ModelError(f"{path.name} cannot be read ({error.strerror}); check engine.model.") from error


def forget_headers() -> None:
    """Free the headers that were read last: each holds a vocabulary."""
    _opened.cache_clear()


@lru_cache(maxsize=2)
def _opened(path: Path, _modified_ns: int, _size: int) -> tuple[GgufFile, Description]:
    """Read a header once, although many ask for it while a model is chosen and loaded: it takes a tenth of a second."""
    file = read(path)
    return file, describe(file)


def load_gguf(
    path: Path, dtype: torch.dtype, device: torch.device, progress: Callable[[float], None] = lambda share: None
) -> nn.Module:
    """Return the parts of a causal model that the decoder reads, with weights of ``dtype`` on ``device``.

    The weights are dequantized one after the other, so that the file is never in memory as a whole.

    Args:
        path: The file.
        dtype: Type of the weights.
        device: Where they go.
        progress: Called with the share that is loaded, from 0 to 1.

    Raises:
        ModelError: The file is damaged, or holds a model that is not supported.
    """
    file, description = opened(path)
    contents = places(file, description)
    whole = sum(place.entry.values for place in contents)

    def reported() -> Iterator[tuple[str, Tensor]]:
        done = 0
        for place, named in zip(contents, tensors(path, contents, dtype, device), strict=True):
            yield named
            done += place.entry.values
            progress(done / whole)

    threads = torch.get_num_threads()
    # Blocks are small: threads that wait for one another take ten times as long beside a busy neighbour.
    torch.set_num_threads(1)
    try:
        return causal_model(config_of(description), rotary_of(file, description), reported())
    finally:
        torch.set_num_threads(threads)


def config_of(description: Description) -> SimpleNamespace:
    """Return the ``config.json`` of a model."""
    shape = description.shape
    return SimpleNamespace(
        model_type=description.architecture,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        vocab_size=shape.vocab,
        tie_word_embeddings=shape.tied,
        max_position_embeddings=description.context_tokens,
        rms_norm_eps=description.norm_epsilon,
        norm_epsilon=description.norm_epsilon,
        hidden_act="silu" if shape.gated else "gelu_pytorch_tanh",
        sliding_window=description.window,
        use_sliding_window=description.window is not None,
        rope_parameters={"rope_type": "default", "rope_theta": description.rope_base},
        **description.factors,
    )


def rotary_of(file: GgufFile, description: Description) -> Rotary:
    """Return the rotary tables, with the factors of Llama 3.1 where the file has them."""
    width = description.shape.head_dim
    entry = file.tensors.get(ROPE_FACTORS)
    if entry is None:
        return Rotary(width, description.rope_base, description.rope_factor)
    if entry.shape != (width // 2,):
        raise ModelError(f"In {file.path.name} the tensor {ROPE_FACTORS} has the wrong shape; fetch the file again.")
    place = [Place(ROPE_FACTORS, entry)]
    factors: list[Tensor] = [values for _, values in tensors(file.path, place, torch.float32, torch.device("cpu"))]
    return Rotary(width, description.rope_base, factors[0] * description.rope_factor)
