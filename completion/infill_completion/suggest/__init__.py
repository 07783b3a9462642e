"""The path of a keystroke, from a snapshot to an answer. Entry: `completer`."""
