"""An n-gram index over the prompt, whose predictions are mixed with the model's distribution."""
