"""``infill-ls bench decode``: the loop beside the reference ``generate()`` on the same weights."""
