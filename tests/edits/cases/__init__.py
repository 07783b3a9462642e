"""Cases of next edits by kind, in the notation of `tests.edits.marked`."""
