"""Filters between the model's text and the user: pure functions, each with a name and a reason."""

from infill_completion.suggest.filters.context import FilterContext
from infill_completion.suggest.filters.pipeline import FILTERS, Filtered, FilterStep, apply

__all__ = ["FILTERS", "FilterContext", "FilterStep", "Filtered", "apply"]
