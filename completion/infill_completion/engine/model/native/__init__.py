"""The forward pass and sampling in C, compiled on the user's machine."""
