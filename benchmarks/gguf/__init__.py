"""Write a Llama checkpoint as GGUF, so that llama.cpp runs the same weights."""
