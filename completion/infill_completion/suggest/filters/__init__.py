"""From what the model wrote to what the user sees: pure functions, each with a name and a reason."""

from infill_completion.suggest.filters.pipeline import FILTERS, Filtered, Step, apply
from infill_completion.suggest.filters.place import Place

__all__ = ["FILTERS", "Filtered", "Place", "Step", "apply"]
