"""The forward pass and the choice of a token as compiled C."""
