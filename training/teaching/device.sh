#!/bin/bash
# device.sh SECONDS: the prepared run on a CUDA device, from the pieces in .teach-site; results in $OUT.
# With DRY=1 it runs the same steps on the CPU with few and short rows.
set -euo pipefail
seconds=${1:-540}
work=.teach-work
[ -f "$work/train.jsonl" ] || python -m training.teaching.site join --site .teach-site --run "$work"
run=${OUT:-.teach-out}
mkdir -p "$run"
ln -sf "$PWD/$work/train.jsonl" "$PWD/$work/held_out.jsonl" "$run/"
# The state stays on the machine, the adapter of 13 MB and the metrics come back.
if [ "${DRY:-}" ]; then
  python -m training.teaching.run --base "$work/base.gguf" --run "$run" --seconds "$seconds" --workers 1 --row-tokens 256 \
    --shortest 32 --longest 96 --checks 1 --report 1 --save-s 10
else
  python -m training.teaching.run --base "$work/base.gguf" --run "$run" --seconds "$seconds" --device cuda --workers 14 \
    --row-tokens 8192 --rows 2 --shortest 96 --longest 1024 --report 10 --check 200 --save-s 60
fi
rm -f "$run/state.pt" "$run"/*.jsonl.partial "$run/train.jsonl" "$run/held_out.jsonl"
