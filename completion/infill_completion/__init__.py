"""Text in, text out: what a code-completion model is shown and what the user is shown.

Nothing here knows LSP, and only :mod:`infill_completion.engine` knows tensors.
"""

__version__ = "0.1.0"
