"""The embedded model: data only.  ``MODEL_CARD.md`` tells how it was made and what it can do."""
