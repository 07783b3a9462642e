"""The model thread, and which request may use it next."""
