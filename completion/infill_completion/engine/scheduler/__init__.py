"""The model thread, and the order in which requests use the model."""
