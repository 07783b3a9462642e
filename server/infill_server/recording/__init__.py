"""Recorded sessions: what is written to a trace, and how private text is kept out of it."""
