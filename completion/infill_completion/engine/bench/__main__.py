"""``python -P -m infill_completion.engine.bench``: measure the decode loop on this machine."""

from infill_completion.engine.bench.command import main

raise SystemExit(main())
