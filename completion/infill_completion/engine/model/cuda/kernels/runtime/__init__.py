"""Compiling, loading and launching the kernels on a CUDA device."""
