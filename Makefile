# Every target works from a fresh clone with nothing but Python >= 3.11, git and make,
# and activates nothing: whatever is needed goes into .venv, once.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint bench clean

BIN := .venv/bin
READY := .venv/.ready
PYTHON ?=

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: $(READY) ## the main sample: which model reads handwritten digits best?
	$(BIN)/yamlflow run samples/digits/pipeline.yaml

test: $(READY) ## all quick tests
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-all: $(READY) ## every test
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(READY) ## ruff, mypy --strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/mypy --strict --python-version 3.10 -p yamlflow.core -p yamlflow.worker
	$(BIN)/lint-imports --no-cache

bench: $(READY) ## the benchmarks, beside their peers; BENCH=--metaflow installs Metaflow first
	$(BIN)/python -m tests.benchmarks $(BENCH)

clean: ## removes .venv and what tools leave behind
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Pinned versions with hashes first, then the project itself, which needs nothing more.
$(READY): constraints.txt pyproject.toml
	@python=""; \
	for candidate in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "yamlflow needs Python 3.11 or newer; $(or $(PYTHON),python3) is: $$($(or $(PYTHON),python3) --version 2>&1 || true)" >&2; \
	  echo "Name one: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; \
	fi; \
	echo "Setting up .venv with $$python ($$("$$python" --version)): some minutes the first time"; \
	"$$python" -m venv .venv
	@sed '/^# Extras/,$$d' constraints.txt > .venv/pinned.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/pinned.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
