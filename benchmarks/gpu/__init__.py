"""``benchmarks/gpu.sh``: one prepared run on a CUDA device, each step in its own process and within its own time."""
