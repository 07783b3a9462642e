"""The models of a server. Entry: `served`."""
