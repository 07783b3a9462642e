"""Names in a syntax tree: where they are bound, and how far they reach."""
