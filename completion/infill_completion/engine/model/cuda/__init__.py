"""Decoding on a CUDA device with captured graphs."""
