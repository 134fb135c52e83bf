# `make demo` and `make test` are all there is to set up. Both make a virtual environment in .venv and use it again until
# pyproject.toml or constraints.txt changes.
#
#   PYTHON=python3.12 make demo     another Python (3.11 or newer)
#   make test PYTEST_ARGS='-k io'   options for pytest
#   make bench BENCH_ARGS=FOLDER    options for the benchmark
#   make test-engines ENGINES=nemo  only these of the engines that have environments of their own

SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
BENCH_ARGS ?=
ENGINES ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
# pip, reduced to what takes time: downloads of a megabyte and more, and the installation itself.
define pip_install
set -o pipefail; $(PIP) install -c constraints.txt $(1) \
	| { grep --line-buffered -E -o 'Downloading .* MB\)|^Installing collected packages|^Successfully installed' || true; }
endef

.DEFAULT_GOAL := help
.PHONY: help demo test coverage test-engines check bench clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 21

demo: $(VENV)/.installed  ## install ger and correct the clips in examples/audio
	$(BIN)/ger correct examples/audio -f table

test: $(VENV)/.installed-dev  ## install what the tests need and run them
	$(BIN)/python -m pytest $(PYTEST_ARGS)

coverage: $(VENV)/.installed-dev  ## run the tests, fail where they leave out 10 % of the lines and branches of ger
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile \
		--cov=ger --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=90 $(PYTEST_ARGS)

test-engines: $(VENV)/.installed  ## test engines that need environments of their own (several GB, in ger's cache)
	$(BIN)/python .ci/test_engines.py $(ENGINES)

check: $(VENV)/.installed-dev  ## lint, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict

bench: $(VENV)/.installed-dev  ## time the front end on a folder of audio
	$(BIN)/python benchmarks/frontend.py $(BENCH_ARGS)

clean:  ## remove the environment, builds and caches (not the models, not your transcripts)
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "ger needs Python 3.11 or newer, and '$(PYTHON)' is not: set PYTHON=/path/to/python3.11 (or newer)." >&2; exit 1; }
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --quiet --upgrade -c constraints.txt pip
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing ger with its default engines (about 360 MB to download the first time; models come on first use)"
	@$(call pip_install,-e '.[default]')
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the tools for tests and checks"
	@$(call pip_install,--group dev)
	@touch $@
