"""The protocols of remote servers, one a file.  Entry, and the place to add one: `registry`."""
