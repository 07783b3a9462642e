"""What a student has learned, as an adapter."""

from __future__ import annotations

from infill_completion.engine.checkpoints.adapters import Adapter
from infill_completion.engine.learning.student import EMBEDDINGS, Student


def adapter_of(student: Student, base: str) -> Adapter:
    """Return what a student has learned; ``base`` is the fingerprint of its checkpoint."""
    learned = {f"{name}.gain": gain.detach().half() for name, gain in student.norms().items()}
    for name, linear in student.linears().items():
        learned |= {f"{name}.gain": linear.gain.detach().half(), f"{name}.shift": linear.shift.detach().half()}
    if len(student.learned_ids):
        learned |= {f"{EMBEDDINGS}.rows": student.rows.detach().half(), f"{EMBEDDINGS}.ids": student.learned_ids}
    return Adapter(base, learned)
