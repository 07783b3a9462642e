"""Engine clients: find, start and ask the shared local engine or a remote server. Entry: `connect.engine_for`."""
