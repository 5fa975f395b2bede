# Every chore, with its set-up: needs python3 (3.11 or later, with venv) and make, nothing else.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
PORT ?= 8000
DATA ?= data
VENV := .venv
BIN := $(VENV)/bin
# One process more than there are cores, for many tests wait; at most 4.
# In CI what fails is tried once more, and counted as `rerun`: of thousands of tests with browsers, servers and killed processes
# on two cores, now and then one is late.
PYTEST = -m pytest -n $(shell $(BIN)/python -c 'import os; print(min(4, os.cpu_count() + 1))') $(if $(CI),--reruns 1)
# The slow ones wait more than they work: for leases, bars of music, killed processes.
SLOW_WORKERS = $(shell $(BIN)/python -c 'import os; print(min(6, os.cpu_count() + 2))')
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help serve test test-slow test-all check lint format bench screenshots clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

serve: $(VENV)/serve.stamp  ## install with the espeak engine and start on 127.0.0.1 (PORT=8000, DATA=data)
	@exec $(BIN)/backline serve --port $(PORT) --data $(DATA)

test: $(VENV)/dev.stamp  ## the fast tests, under 5 minutes
	$(BIN)/python $(PYTEST) -m "not slow"

test-slow: $(VENV)/dev.stamp  ## only the slow tests (browser, killed processes, soak)
	$(BIN)/python $(PYTEST) -n $(SLOW_WORKERS) -m slow

test-all: test test-slow  ## the fast and the slow tests

check: lint  ## lint, and the fast tests with line coverage
	$(BIN)/python $(PYTEST) -q -m "not slow" --cov --cov-report=term:skip-covered

lint: $(VENV)/dev.stamp  ## format, lint, types, import contracts, sizes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/check_sizes.py

format: $(VENV)/dev.stamp  ## put the code in shape
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

bench: $(VENV)/bench.stamp  ## the figures of docs/benchmarks.md, each beside its reference
	@for one in $(filter-out %/__init__.py,$(sort $(wildcard benchmarks/*.py))); do echo "== $$one"; PYTHONPATH=. $(BIN)/python $$one || exit 1; done

screenshots: $(VENV)/dev.stamp  ## the pictures in docs/images (needs Chromium)
	$(BIN)/python scripts/screenshot_studio.py

clean:  ## remove what the targets made
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing. Debian: apt-get install python3 python3-venv; macOS: brew install python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) --version). Name another one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing. Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/serve.stamp: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[espeak]'
	@touch $@

$(VENV)/bench.stamp: $(VENV)/dev.stamp
	$(PIP) --editable '.[bench]'
	@touch $@

$(VENV)/dev.stamp: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[espeak,postgres,redis,dev]'
	@touch $@
