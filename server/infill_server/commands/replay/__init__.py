"""``infill-ls replay``: plays a recorded session against a fresh server process."""
