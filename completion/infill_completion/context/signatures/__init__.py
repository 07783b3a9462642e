"""The signatures of a file's definitions, and of the members of types; never a body. Entry: `outline`."""

from infill_completion.context.signatures.outline import Outline

__all__ = ["Outline"]
