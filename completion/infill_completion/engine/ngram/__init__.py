"""What the prompt itself says about the next token, mixed with the model's distribution."""
