"""What the small model is taught: data only.  ``MODEL_CARD.md`` describes how it was made and what it gains."""
