"""An hour of typing in eight windows while engines, servers and connections fail; see `__main__`."""
