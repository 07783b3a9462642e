"""The decode loop beside llama.cpp: ``python -m benchmarks.llama_cpp``."""
