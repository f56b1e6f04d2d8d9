# Everything runs in .venv inside this checkout; nothing needs root.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
OUT := out

.DEFAULT_GOAL := help
.PHONY: help setup demo test nightly bench lint docs docs-check lock clean

help:            ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 16

setup: $(READY)  ## make .venv with the pinned dependencies

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

lock:            ## renew requirements.lock from pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q uv==0.13.8
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --upgrade --extra dev pyproject.toml -o requirements.lock

clean:           ## remove what was generated, the environment too
	rm -rf .venv $(OUT) build *.egg-info
