"""The columns at which the lines of a suggestion begin."""
