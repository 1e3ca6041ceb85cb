# herken: one entry for every chore. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help

$(STAMP): requirements/dev.lock pyproject.toml
	@echo "herken: installing the locked requirements into $(VENV) (once, about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "herken needs Python 3.11 or later; set PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar on --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "herken: installed"

.PHONY: help install lock schemas lint types unit contract integration e2e faults simulation mutants seeded-bugs test demo bench docs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(STAMP) ## create .venv with the hash-locked requirements

lock: install ## renew the requirements' lock files
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 pyproject.toml -o requirements/runtime.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 pyproject.toml --extra sandbox --extra dev -o requirements/dev.lock
	for peer in satosa clients; do $(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 requirements/peers-$$peer.in -o requirements/peers-$$peer.lock; done

schemas: install ## write the JSON Schemas, AsyncAPI and reference pages from the code
	$(BIN)/python -m schemas.published
	$(BIN)/python -m sandbox.scenario_file --schema > scenarios/scenario.schema.json
	$(BIN)/python -m herken.reference
	$(BIN)/python -m tests.mutations --page

lint: install ## ruff (style and format) and import-linter (architecture)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: install ## mypy, strict
	$(BIN)/mypy

unit: install ## tables of rules, no I/O
	$(BIN)/pytest tests/unit

contract: install ## schemas, examples, AsyncAPI, compose.yaml
	$(BIN)/pytest tests/contract

integration: install ## one role on real Kafka and Postgres
	$(BIN)/pytest tests/integration

e2e: install ## whole logins over real processes
	$(BIN)/pytest tests/e2e

faults: install ## every fault of production, with load on: 30 minutes; a table with the seed
	$(BIN)/python -m tests.faults.run

simulation: install ## 100,000 histories with faults and races, on all cores
	$(BIN)/python -m tests.simulation --histories 100000 --jobs $$(nproc)

mutants: install ## mutate every rule of the scheme, and see its test go red
	$(BIN)/python -m tests.mutations

seeded-bugs: install ## put bugs into copies of the project, and see that each is found
	$(BIN)/python -m tests.seeded_bugs

test: install lint types ## everything that has to hold
	$(BIN)/pytest

demo: install ## eight logins, end to end, on real Kafka and Postgres
	@$(BIN)/herken demo

bench: install ## what a login costs, beside the limit and its peers: 15 minutes; a table
	$(BIN)/python -m benchmarks

docs: install ## the documentation as a site
	$(BIN)/mkdocs build --strict

clean: ## remove what was installed, built and stored
	rm -rf $(VENV) .herken site .mypy_cache .ruff_cache
