"""Model folders: finding, checking, loading, downloading and quantizing them, and their tokenizers."""
