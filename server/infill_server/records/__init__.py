"""What became of each suggestion, in numbers; kept on this machine for ``infill-ls stats``."""
