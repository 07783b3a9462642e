"""The engine's HTTP face: OpenAI's completions, models, health and metrics."""
