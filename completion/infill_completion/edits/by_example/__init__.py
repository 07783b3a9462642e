"""Edit by example: patterns that are made of changes of the user, and the places that they fit."""
