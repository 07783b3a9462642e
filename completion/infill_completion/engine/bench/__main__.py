"""``python -P -m infill_completion.engine.bench``: measure the decode loop of this machine."""

from infill_completion.engine.bench.decode import main

raise SystemExit(main())
