"""Measurements: decoding, keystrokes, starting; each prints a table and writes JSON."""
