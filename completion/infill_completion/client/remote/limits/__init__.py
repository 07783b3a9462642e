"""What one server takes: the length of prompts, optional fields, stop strings. Entry: `fitting`, `refused`."""
