"""The engine's HTTP interface: OpenAI's completions, models, health and metrics."""
