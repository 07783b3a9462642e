"""A document as the rest of the package sees it: snapshot, window around the cursor, lines, other open documents."""
