"""CUDA kernels of a decode step, compiled at first use."""
