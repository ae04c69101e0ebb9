# `make` alone tells what there is. A fresh machine needs Python 3.11 or newer with
# venv, and make; PostgreSQL and Valkey come from the requirements.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# One verb after the other: `make lint types` must not mix what they say. And pytest
# has the last word, so no "Leaving directory" after it.
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory --no-builtin-rules

# Another Python for the virtual environment: make install PYTHON=python3.12
ifndef PYTHON
PYTHON = $(shell for name in python3 python3.11 python3.12 python3.13 python3.14; do $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && exit; done; echo python3)
endif
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes
UV_COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 --custom-compile-command "make requirements"

# The stamps carry the content, so that a fresh checkout of the same requirements
# (other file times) installs nothing.
RUNTIME_STAMP := $(VENV)/.runtime-$(shell cat requirements.txt | sha256sum | cut -c1-16)
DEVELOPMENT_STAMP := $(VENV)/.development-$(shell cat requirements.txt requirements-dev.txt | sha256sum | cut -c1-16)

# Servers of others pin what they like, so they live apart.
PEER := $(VENV)/peer
PEER_STAMP := $(PEER)/.peer-$(shell cat requirements-peer.txt | sha256sum | cut -c1-16)

# Further arguments for pytest: make test ARGS="tests/unit -k tariff"
ARGS ?=

.PHONY: help
help: ## Tell what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: $(DEVELOPMENT_STAMP) ## Make .venv with everything for development, when the requirements changed

.PHONY: install-runtime
install-runtime: $(RUNTIME_STAMP) ## Make .venv with what the system itself needs

.PHONY: peer
peer: $(PEER_STAMP) ## Install the servers of others that some tests are tried against

$(PEER_STAMP): | venv
	$(PYTHON) -m venv --clear $(PEER)
	$(PEER)/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements-peer.txt
	@touch $@

.PHONY: preflight
preflight:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1 || true). Install it: apt-get install python3 python3-venv (or give another: make install PYTHON=...)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments. Install: apt-get install python3-venv" >&2; exit 1; }

.PHONY: new-venv
new-venv: preflight
	$(PYTHON) -m venv --clear $(VENV)

# A virtual environment whose Python went away is made again.
.PHONY: venv
venv:
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(MAKE) new-venv

# Old stamps go: the environment holds one set of requirements only.
$(RUNTIME_STAMP): | venv
	$(PIP_INSTALL) -r requirements.txt
	@rm -f $(VENV)/.runtime-* $(VENV)/.development-* && touch $@

$(DEVELOPMENT_STAMP): | venv
	$(PIP_INSTALL) -r requirements.txt -r requirements-dev.txt
	@rm -f $(VENV)/.runtime-* $(VENV)/.development-* && touch $(RUNTIME_STAMP) $@

.PHONY: demo
demo: install-runtime ## Show the whole chain: plug in, confirm, charge, pay (KEEP=1 leaves it running)
	$(BIN)/python -m simulators.demo $(if $(KEEP),--keep)

.PHONY: run
run: install-runtime ## Run gateway, web, workers and relay on this machine until Ctrl-C
	$(BIN)/python manage.py run

.PHONY: test
test: install ## Run the tests (ARGS="..." goes to pytest)
	$(BIN)/python -m pytest -n 2 $(ARGS)

.PHONY: coverage
coverage: install ## Run the tests and tell which lines and branches they miss
	$(BIN)/python -m pytest -n 2 --cov --cov-branch --cov-report=term-missing --cov-report=html $(ARGS)

.PHONY: lint
lint: install ## Check style, format and the floors between rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

.PHONY: types
types: install ## Check types
	$(BIN)/mypy

.PHONY: check
check: install ## Check that the migrations tell what the models are
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check

.PHONY: bench
bench: install ## Measure speed beside a baseline
	$(BIN)/python -m tests.bench

.PHONY: mutation
mutation: install ## Try the tests of the pricing engine on wrong engines (ARGS="rating sheet" only these)
	$(BIN)/python -m tests.mutation $(ARGS)

.PHONY: audit-demo
audit-demo: install ## A month of 10,000 charges with every kind of trouble, and the proof of every cent
	$(BIN)/python -m tests.audit $(ARGS)

.PHONY: screenshots
screenshots: install ## Photograph the main pages into docs/pictures (needs chromium)
	$(BIN)/python -m pytest tests/pictures/take.py -p no:randomly

.PHONY: seed
seed: install-runtime ## Fill the checkout's database with an example network
	$(BIN)/python manage.py seed_demo

.PHONY: requirements
requirements: install ## Pin the requirements with hashes (UPGRADE=1 takes newer versions)
	$(UV_COMPILE) $(if $(UPGRADE),--upgrade) --output-file requirements.txt requirements.in
	$(UV_COMPILE) $(if $(UPGRADE),--upgrade) --output-file requirements-dev.txt requirements-dev.in
	$(UV_COMPILE) $(if $(UPGRADE),--upgrade) --output-file requirements-peer.txt requirements-peer.in

.PHONY: openapi
openapi: install ## Write the description of the REST interface
	@mkdir -p docs/reference
	$(BIN)/python manage.py spectacular --file docs/reference/openapi.yaml --validate

.PHONY: ci
ci: ## Do what the build server does
	.ci/run

.PHONY: stop
stop: ## Stop the checkout's own PostgreSQL and Valkey (they stop by themselves when unused)
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m cpms.embedded stop

.PHONY: clean
clean: ## Delete .venv, caches, and the checkout's own servers WITH THEIR DATA
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m cpms.embedded erase
	rm -rf .cpms $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
