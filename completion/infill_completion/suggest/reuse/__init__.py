"""Answers that need no model: earlier ones that still fit, and what none may repeat, as it has just been deleted."""
