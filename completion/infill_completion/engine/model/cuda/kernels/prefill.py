"""The operations between the matrix products of a prompt, one kernel each (``prefill.cu``).

Each reads its inputs once and rounds once; torch's operators round at every step.  All tensors are of the launcher's
type of numbers.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.kernels.launcher import Launcher
from infill_completion.engine.model.fused_ops import FusedOps
from infill_completion.engine.model.kv_cache import KVRows
from infill_completion.engine.model.norms import Norm

_GROUP = 8  # numbers read at once
_WARP, _THREADS = 32, 256
_NORM_GROUPS = 2  # of a thread of the norm
_MAX_HIDDEN = _GROUP * _NORM_GROUPS * 1024


def supports(hidden: int, head_dim: int, intermediate: int) -> bool:
    """Return whether the kernels work with these sizes."""
    return hidden % _GROUP == intermediate % _GROUP == head_dim % (2 * _GROUP) == 0 and hidden <= _MAX_HIDDEN


def kernel_ops(launcher: Launcher) -> FusedOps:
    """Return the operations as kernels, for models that :func:`supports` accepts."""
    return FusedOps(
        partial(add_and_norm, launcher), partial(rotate, launcher), partial(gate, launcher),
        partial(rotate_and_write, launcher),
    )  # fmt: skip


def add_and_norm(launcher: Launcher, x: Tensor, change: Tensor, norm: Norm, eps: float) -> tuple[Tensor, Tensor]:
    """Return ``x + change``, ``(..., hidden)``, and its norm, one of the root mean square."""
    x, change, hidden = x.contiguous(), change.contiguous(), x.shape[-1]
    summed, normed = torch.empty_like(x), torch.empty_like(x)
    threads = -(-hidden // (_GROUP * _NORM_GROUPS * _WARP)) * _WARP
    launcher.launch(
        "add_norm", (x.numel() // hidden, 1, 1), threads, 0, x, change, norm.weight, eps, hidden, summed, normed
    )  # fmt: skip
    return summed, normed


def rotate(launcher: Launcher, qk: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return rotated queries and keys, ``(batch, heads, length, head_dim)``; see :class:`FusedOps`.

    Args:
        launcher: Runs the kernel.
        qk: ``(batch, length, heads, head_dim)``; a token's heads are contiguous and begin at a multiple of 16 bytes.
        cos: ``(length, 1, head_dim)``.
        sin: Likewise; the first half of each row is negated.
    """
    batch, length, heads, head_dim = qk.shape
    rotated = qk.new_empty(batch, heads, length, head_dim)
    launcher.launch(
        "rotate_and_write", (length, batch, 1), _THREADS, 0,
        qk, qk.stride(1), qk.stride(0), cos.contiguous(), sin.contiguous(), length, heads, 0, head_dim,
        rotated, rotated, rotated, 0, 0,
    )  # fmt: skip
    return rotated


def rotate_and_write(
    launcher: Launcher, qkv: Tensor, cos: Tensor, sin: Tensor, keys: KVRows, values: KVRows, start: int
) -> Tensor:
    """Rotate the queries and keys of a prompt's tokens, and write keys and values to a cache.

    Args:
        launcher: Runs the kernel.
        qkv: Queries, keys and values, ``(length, (heads + 2 * kv_heads) * head_dim)``, contiguous.
        cos: The rows of the rotary table at the tokens' positions, ``(length, 1, head_dim)``.
        sin: Likewise; the first half of each row is negated.
        keys: A layer's keys, of one text; rounded ones have a head size of 128.
        values: Likewise.
        start: Cache index of the first token.

    Returns:
        The rotated queries, ``(1, heads, length, head_dim)``.
    """
    length, width = qkv.shape
    kv_heads, capacity, head_dim = keys.numbers.shape[1:]
    heads = width // head_dim - 2 * kv_heads
    queries = qkv.new_empty(1, heads, length, head_dim)
    scales = () if keys.scale is None or values.scale is None else (keys.scale, values.scale)
    launcher.launch(
        "rotate_and_round" if scales else "rotate_and_write", (length, 1, 1), _THREADS, 0,
        qkv, width, 0, cos.contiguous(), sin.contiguous(), length, heads, kv_heads, head_dim,
        queries, keys.numbers, values.numbers, capacity, start, *scales,
    )  # fmt: skip
    return queries


def gate(launcher: Launcher, gate_up: Tensor) -> Tensor:
    """Return ``silu`` of the first half of ``gate_up``, ``(..., 2 * intermediate)``, times the second half."""
    gate_up, intermediate = gate_up.contiguous(), gate_up.shape[-1] // 2
    gated = gate_up.new_empty(*gate_up.shape[:-1], intermediate)
    blocks = -(-intermediate // (_GROUP * _THREADS))
    launcher.launch(
        "gate", (gated.numel() // intermediate, blocks, 1), _THREADS, 0, gate_up, intermediate, gated
    )  # fmt: skip
    return gated
