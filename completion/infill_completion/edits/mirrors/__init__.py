"""Fields and branches that are added to one list, and the lists that mirror it."""
