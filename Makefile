# Every target works on a fresh clone: the first one that needs .venv creates it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Without an NVIDIA driver, the pinned build saves gigabytes of CUDA packages.
TORCH := $(if $(shell command -v nvidia-smi),torch>=2.11$(comma)<2.14,torch==2.13.0)
comma := ,

.PHONY: help demo test check fmt fuzz soak bench bench-gpu test-editors clean
help:
	@echo "make demo | test | check | fmt | fuzz | soak | bench | bench-gpu | test-editors | clean"

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/pip install --quiet "$(TORCH)"
	$(BIN)/pip install --quiet --editable . --group dev
	@touch $@

# The small model is fetched once, 98 MB; without a network the demo makes do with the embedded one.
demo: $(STAMP)
	@$(BIN)/infill-ls models pull small || echo "The embedded model takes its place."
	@$(BIN)/python examples/demo.py

# So many processes share the files of tests, in the order of the folders; 0: none but the first.
WORKERS ?= 2

test: $(STAMP)
	$(BIN)/pytest -m "not editor" -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_structure.py
	VENV=$(VENV) scripts/style.sh check
	$(BIN)/python scripts/settings_table.py --check
	$(BIN)/python editors/vscode/scripts/settings.py --check

fmt: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	VENV=$(VENV) scripts/style.sh fix
	$(BIN)/python scripts/settings_table.py
	$(BIN)/python editors/vscode/scripts/settings.py

# So many seconds for each face of the product; what breaks one is kept in tests/fuzz/corpus.
FUZZ_SECONDS ?= 3600
# Suggestions that are cut from real files of each language, other ones each time.
HOLES ?= 10000
# So many times the examples of `make test` for each property, chosen at random; 0 for none.
EXAMPLES ?= 20

fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_OPTIONS)
	$(BIN)/python -m tests.suggest.filters.holes --count $(HOLES) --seed $(shell date +%s)
	$(if $(filter-out 0,$(EXAMPLES)),INFILL_EXAMPLES=$(EXAMPLES) $(BIN)/pytest -q -m hypothesis --hypothesis-profile random)

# Typing in eight windows while engines, servers and connections fail; 60 minutes unless SOAK_MINUTES says otherwise.
SOAK_MINUTES ?= 60

soak: $(STAMP)
	LAUNCH_ROUNDS=50 $(BIN)/pytest -q tests/e2e/test_faults.py -k launchers
	$(BIN)/python -m benchmarks.soak --minutes $(SOAK_MINUTES) --json soak.json

bench: $(STAMP)
	$(BIN)/python -m benchmarks

# One CUDA machine, ten minutes: the tests that need a GPU and all measurements.
bench-gpu: $(STAMP)
	benchmarks/gpu.sh

test-editors: $(STAMP)
	tests/editors/run.sh

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
