"""Earlier answers that still fit, and text that was just deleted, which no answer may repeat."""
