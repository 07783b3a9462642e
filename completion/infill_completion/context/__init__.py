"""Text of other files for the prompt. Entry: `gather`.

The choice is deterministic: the same buffers and history give the same text, most stable first.
"""

from infill_completion.context.cells import cells_text
from infill_completion.context.gather import Gatherer
from infill_completion.context.gathering import has_vanished
from infill_completion.context.packing import Context, ContextSource

__all__ = ["Context", "ContextSource", "Gatherer", "cells_text", "has_vanished"]
