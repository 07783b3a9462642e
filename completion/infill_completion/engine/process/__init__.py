"""The engine process: the lock that makes it the only one, its socket, its log; and the process that learns."""
