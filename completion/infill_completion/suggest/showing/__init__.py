"""How likely a suggestion is right, from what is known when it could be shown."""
