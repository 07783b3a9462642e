"""``infill-ls stats``: what was shown, taken and kept on this machine."""
