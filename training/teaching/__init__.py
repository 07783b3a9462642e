"""Teaching a left-to-right model of the package index to infill; entry: `run`."""
