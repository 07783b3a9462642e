"""What a student has learned, as an adapter, and back."""

from __future__ import annotations

import torch

from infill_completion.engine.checkpoints.adapters import Adapter, ForeignAdapterError
from infill_completion.engine.learning.student import EMBEDDINGS, Student


def adapter_of(student: Student, base: str) -> Adapter:
    """Return what a student has learned; ``base`` is the fingerprint of its checkpoint."""
    learned = {f"{name}.gain": gain.detach().half() for name, gain in student.norms().items()}
    for name, linear in student.linears().items():
        learned |= {f"{name}.gain": linear.gain.detach().half(), f"{name}.shift": linear.shift.detach().half()}
    if len(student.learned_ids):
        learned |= {f"{EMBEDDINGS}.rows": student.rows.detach().half(), f"{EMBEDDINGS}.ids": student.learned_ids}
    return Adapter(base, learned)


@torch.no_grad()
def take_up(student: Student, adapter: Adapter, base: str) -> None:
    """Let a student go on from what an adapter of its checkpoint says; ``base`` is the fingerprint of that.

    Raises:
        ForeignAdapterError: The adapter is another checkpoint's.
    """
    own, former = adapter_of(student, base).learned, adapter.learned
    is_own = adapter.base == base and {name: each.shape for name, each in own.items()} == {
        name: each.shape for name, each in former.items()
    }
    ids = f"{EMBEDDINGS}.ids"
    if not is_own or (ids in own and not torch.equal(own[ids], former[ids])):
        raise ForeignAdapterError("The adapter is another model's; leave it out, or name its model.")
    for name, norm in student.norms().items():
        norm.copy_(former[f"{name}.gain"])
    for name, linear in student.linears().items():
        linear.gain.copy_(former[f"{name}.gain"])
        linear.shift.copy_(former[f"{name}.shift"])
    if len(student.learned_ids):
        student.rows.copy_(former[f"{EMBEDDINGS}.rows"])
