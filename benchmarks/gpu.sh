#!/bin/sh
# The GPU tests and all measurements on a CUDA device, in at most ten minutes; see benchmarks/README.md.
#
#     benchmarks/gpu.sh                            7B, 13B and 34B with random weights, in 4 bits
#     SHAPES=tiny DEVICE=cpu benchmarks/gpu.sh     a dry run on a machine without a GPU
#     STEPS=ABD benchmarks/gpu.sh                  only these steps
#
# A bare image with Python, torch, transformers, accelerate and pytest is enough, if SITE holds the rest:
# `benchmarks/gpu_site.sh` fills it on a machine with a network.
set -u
cd "$(dirname "$0")/.." || exit
if [ -z "${PYTHON:-}" ]; then
  PYTHON=python3
  [ -x .venv/bin/python ] && PYTHON=.venv/bin/python
fi
SITE=${SITE:-.gpu-site}
case $SITE in
  /*) ;;
  *) SITE=$PWD/$SITE ;;
esac
DEVICE=${DEVICE:-cuda}
export PYTHONPATH="$SITE:$PWD/completion:$PWD/server:$PWD"
export INFILL_LS_TEST_DEVICE="$DEVICE" PYTHONDONTWRITEBYTECODE=1
exec "$PYTHON" -m benchmarks.gpu --device "$DEVICE" --shapes "${SHAPES:-7b,13b,34b}" \
  --out "${OUT:-benchmarks/results/gpu}" --total "${TOTAL:-590}" --steps "${STEPS:-}"
