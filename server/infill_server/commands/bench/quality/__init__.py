"""``infill-ls bench quality``: holes in real code, completed through the whole pipeline, and how often it was right."""
