#!/bin/sh
# Fill the folder that benchmarks/gpu.sh brings to a bare CUDA image: what the engine imports and the image lacks.
#
#     benchmarks/gpu_site.sh [FOLDER]      default .gpu-site; CUDA=130 names the CUDA version of the image's torch
set -eu
cd "$(dirname "$0")/.."
SITE=${1:-.gpu-site}
PYTHON=${PYTHON:-python3}
rm -rf "$SITE"
"$PYTHON" -m pip install --quiet --no-deps --no-compile --only-binary :all: --target "$SITE" \
  "bitsandbytes>=0.50.2,<0.51" "platformdirs>=4.3"
# The wheel has one library for each CUDA version, 200 MB in all.
find "$SITE/bitsandbytes" -name 'libbitsandbytes_*.so' \
  ! -name "libbitsandbytes_cuda${CUDA:-130}.so" ! -name libbitsandbytes_cpu.so -delete
du -sh "$SITE"
