"""The embedded model: data only.  ``MODEL_CARD.md`` describes how it was made and what it can do."""
