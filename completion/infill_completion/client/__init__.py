"""Finds, starts and asks an engine: the shared local one or a remote server. Entry: `connect.engine_for`."""
