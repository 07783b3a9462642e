"""Documents: the snapshot of a request, the window around the cursor, lines, and other open documents.

Entry: `view`, a snapshot as the rest of the package sees it.
"""
