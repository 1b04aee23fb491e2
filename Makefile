# Everything a person does with Aljibe from a clone. `make` alone lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS ?=

SETUP_STAMP := $(VENV)/.aljibe-setup
STUBS_STAMP := gen/.stamp
PROTOS := $(shell find protos 2>/dev/null)
SOURCES = $(wildcard chassis services cli demo bench tests tools conftest.py)

.DEFAULT_GOAL := help
.PHONY: help setup stubs demo up test lock clean

help: ## List these targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STUBS_STAMP) ## Make .venv, install the locked packages, generate the stubs

stubs: $(STUBS_STAMP) ## Generate gen/ from protos/

$(SETUP_STAMP): requirements/dev.lock requirements/uv.lock pyproject.toml tools/setup.py
	@command -v $(PYTHON) >/dev/null || { echo "setup: $(PYTHON) is not there; install Python >= 3.11 or set PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "setup: $$($(PYTHON) -V) is too old; Aljibe needs Python >= 3.11 (set PYTHON=…)"; exit 1; }
	@$(PYTHON) tools/setup.py $(VENV)
	@touch $@

$(STUBS_STAMP): $(SETUP_STAMP) $(PROTOS) tools/stubs.py
	@$(BIN)/python tools/stubs.py
	@touch $@

test: setup ## Run every test
	@$(BIN)/pytest

demo: setup ## Replay a real grocer's baskets through every channel (DEMO_ARGS='--scale 0.2')
	@$(BIN)/aljibe demo $(DEMO_ARGS)

up: setup ## Start the platform and keep it running
	@$(BIN)/aljibe up

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --no-config

lock: $(SETUP_STAMP) ## Resolve the newest versions of all dependencies into requirements/*.lock
	@rm -f requirements/*.lock.new
	@$(BIN)/$(LOCK) --extra build --extra demo --extra dev pyproject.toml -o requirements/dev.lock.new
	@$(BIN)/$(LOCK) --extra build pyproject.toml -c requirements/dev.lock.new -o requirements/runtime.lock.new
	@echo uv | $(BIN)/$(LOCK) - -o requirements/uv.lock.new
	@for lock in dev runtime uv; do mv requirements/$$lock.lock.new requirements/$$lock.lock; done

clean: ## Remove what setup made (.venv, gen) and every cache; the data folder var/ stays
	@rm -rf $(VENV) gen build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
