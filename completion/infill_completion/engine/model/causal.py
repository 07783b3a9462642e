"""Causal attention over the end of a text on a CUDA device, which keeps to the flash kernel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_FLASH_SINCE = (8, 0)  # compute capability


def has_flash(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether torch has a flash kernel for ``dtype`` on a CUDA device."""
    is_half = dtype in {torch.float16, torch.bfloat16}
    return is_half and torch.cuda.get_device_capability(device) >= _FLASH_SINCE


def attend_causally(
    queries: Tensor, keys: Tensor, values: Tensor, *, shares_heads: bool, scale: float | None = None
) -> Tensor:
    """Attention of the last tokens of a text, each over itself and all tokens before it.

    A mask would rule the flash kernel out.  ``causal_lower_right`` stands for one: torch gives it to the flash kernel,
    whose triangle ends in the lower right corner, or to the memory-efficient one, and makes a mask only for others.

    Args:
        queries: ``(1, heads, length, head_dim)``.
        keys: ``(1, kv_heads, end, head_dim)``, of which the last ``length`` belong to the queries.
        values: Of the shape of ``keys``.
        shares_heads: Whether the kernel can read one head of keys for several of queries.  Torch's flash kernel can; of
            the memory-efficient one that depends on the version, and without it torch computes all scores in memory.
        scale: What the products of queries and keys are multiplied by; None: ``head_dim ** -0.5``.
    """
    group = queries.shape[1] // keys.shape[1]
    if group > 1 and not shares_heads:
        keys, values = (part.repeat_interleave(group, 1) for part in (keys, values))
        group = 1
    # Imported here, because it imports torch's compiler, which takes memory and leaves a folder behind.
    from torch.nn.attention.bias import causal_lower_right

    bias = causal_lower_right(queries.shape[2], keys.shape[2])
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias, enable_gqa=group > 1, scale=scale)
