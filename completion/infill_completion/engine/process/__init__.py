"""The life of the engine process: one lock, one socket, one server."""
