#!/bin/bash
# device.sh SECONDS: the prepared run on a CUDA device, from the pieces in .teach-site; results in $OUT.
# With DRY=1 it runs the same steps on the CPU with few and short rows.
# As for benchmarks/gpu.sh, SITE holds what an image with torch and tokenizers lacks, and nothing has to be installed.
set -euo pipefail
seconds=${1:-540}
cd "$(dirname "$0")/../.."
if [ -z "${PYTHON:-}" ]; then
  PYTHON=python3
  [ -x .venv/bin/python ] && PYTHON=.venv/bin/python
fi
site=$(realpath -m "${SITE:-.gpu-site}")
export PYTHONPATH="$site:$PWD/completion:$PWD/server:$PWD"
work=$(realpath -m "${WORK:-.teach-work}")
[ -f "$work/train.jsonl" ] || "$PYTHON" -m training.teaching.site join --site .teach-site --run "$work"
# What comes before the run counts too: joining, and the first import of torch, which reads gigabytes on a fresh machine.
"$PYTHON" -c 'import torch'
seconds=$((seconds > SECONDS ? seconds - SECONDS : 1))
run=${OUT:-.teach-out}
mkdir -p "$run"
ln -sf "$work/train.jsonl" "$work/held_out.jsonl" "$run/"
# The state stays on the machine, the adapter of 13 MB and the metrics come back.
if [ "${DRY:-}" ]; then
  "$PYTHON" -m training.teaching.run --base "$work/base.gguf" --run "$run" --seconds "$seconds" --workers 1 \
    --row-tokens 256 --shortest 32 --longest 96 --checks 1 --report 1 --save-s 10
else
  "$PYTHON" -m training.teaching.run --base "$work/base.gguf" --run "$run" --seconds "$seconds" --device cuda \
    --workers 14 --row-tokens 8192 --rows 2 --rate 1 --shortest 96 --longest 1024 --report 10 --check 200 --save-s 60
fi
rm -f "$run/state.pt" "$run"/*.partial "$run/train.jsonl" "$run/held_out.jsonl"
