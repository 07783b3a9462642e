"""``infill-ls bench decode``: the engine beside transformers' ``generate()`` on the same weights."""
