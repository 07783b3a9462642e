"""LSP itself: messages, documents, positions, items."""
