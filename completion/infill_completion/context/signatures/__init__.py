"""The heads of a file's definitions: signatures, and for types those of their members; never a body."""

from infill_completion.context.signatures.outline import Outline

__all__ = ["Outline"]
