#!/bin/sh
# All tests that need a CUDA device, then the decode table for the shapes of CodeLlama, in at most ten minutes.
#
#     benchmarks/gpu.sh                     7B, 13B and 34B with random weights, in 4 bits
#     SHAPES=tiny DEVICE=cpu benchmarks/gpu.sh     a dry run on a machine without a GPU
set -u
cd "$(dirname "$0")/.." || exit
PYTHON=${PYTHON:-.venv/bin/python}
SHAPES=${SHAPES:-7b,13b,34b}
DEVICE=${DEVICE:-cuda}
OUT=${OUT:-benchmarks/results}
BUDGET=${BUDGET:-420}
failed=0

started=$(date +%s)
# The tests and the table share ten minutes, so the tests' limit and BUDGET stay below that, loading included.
INFILL_LS_TEST_DEVICE=$DEVICE timeout "${TEST_BUDGET:-150}" "$PYTHON" -m pytest -m gpu -q tests || {
  code=$?
  [ "$code" -eq 5 ] || failed=1
} # 5: no test was collected
echo
"$PYTHON" -P -m infill_completion.engine.bench --shape "$SHAPES" --device "$DEVICE" --budget "$BUDGET" \
  --json "$OUT/decode-$DEVICE-shapes.json" --chart "$OUT/decode-$DEVICE-shapes.png" ${NOTE:+--note "$NOTE"} || failed=1
echo
echo "took $(($(date +%s) - started)) s"
exit $failed
