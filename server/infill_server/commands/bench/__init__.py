"""``infill-ls bench``: the measurements, on the user's own machine."""
