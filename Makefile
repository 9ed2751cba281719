# Every target makes its own environment in .venv; nothing need be installed but Python 3.11 or newer.
SHELL := /bin/bash
.SHELLFLAGS := -e -u -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --root-user-action=ignore -c constraints.txt
# pip's log in short: a dot for each package, errors in full.
SHORT := awk '/^Collecting /{printf "."; fflush()} /^Installing collected/{print " unpacking"; fflush()} /^Successfully installed/{print "installed"}'
# Other ecosystems' learners want older versions of what we share with them: an environment of their own.
CLIENTS := .venv-clients
WORKERS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?= rendezvous-v0
# Nothing here needs a window: on Linux MuJoCo draws through EGL.
ifeq ($(shell uname -s),Linux)
export MUJOCO_GL ?= egl
endif
# Browser tests run where a Chromium is found; .ci/run installs one.
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
BROWSER := $(if $(CHROMIUM),, and not browser)
TEST = $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q --durations=10

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow coverage check clients bench docs notebooks clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 24

demo: $(VENV)/.installed  ## train, probe and transfer in minutes; writes runs/demo/report.html
	$(BIN)/socialsim experiment emergent-values --preset demo

test: $(VENV)/.installed-dev  ## run the test suite but its slow part; browser tests too where Chromium is found
	@$(if $(CHROMIUM),:,echo "No Chromium found: the browser tests are left out.")
	$(TEST) -m "not slow$(BROWSER)" $(PYTEST_ARGS)

test-slow: $(VENV)/.installed-dev  ## run the rest: experiments from end to end, notebooks, several processes
	$(TEST) -m "slow$(BROWSER)" $(PYTEST_ARGS)

coverage: $(VENV)/.installed-dev  ## run both parts and say which lines no test runs
	$(TEST) --cov=socialsim --cov-report=term-missing $(PYTEST_ARGS)

check: $(VENV)/.installed-dev  ## lint, formatting, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

clients: $(CLIENTS)/.installed  ## train with SB3, SuperSuit, TorchRL, RLlib and JaxMARL, a few updates each
	$(CLIENTS)/bin/python -m pytest -q -m clients tests/clients $(PYTEST_ARGS)

bench: $(VENV)/.installed  ## measure speed (BENCH_ARGS="rendezvous-v0 --json")
	$(BIN)/socialsim bench $(BENCH_ARGS)

docs: $(VENV)/.installed-docs  ## build docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

notebooks: $(VENV)/.installed-dev  ## run every notebook on its small budget
	$(BIN)/python -m pytest -q --nbmake --nbmake-timeout=900 notebooks

clean:  ## remove the environment, caches and built docs; runs/ is kept
	rm -rf $(VENV) $(CLIENTS) .pytest_cache .ruff_cache .hypothesis .import_linter_cache docs/_build build dist *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "socialsim needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "'$(PYTHON) -m venv' failed; on Debian: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing socialsim into $(VENV) (once; a few minutes) ..."
	@$(PIP) -e . | $(SHORT)
	@touch $@

$(VENV)/.installed-%: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing socialsim[$*] into $(VENV) (once; a few minutes) ..."
	@$(PIP) -e '.[$*]' | $(SHORT)
	@touch $@ $(VENV)/.installed

$(CLIENTS)/.installed: pyproject.toml constraints-clients.txt
	@echo "Installing socialsim[clients] into $(CLIENTS) (once; minutes, and a gigabyte of torch and ray) ..."
	@$(PYTHON) -m venv $(CLIENTS)
	@$(CLIENTS)/bin/python -m pip --disable-pip-version-check install --root-user-action=ignore \
	  -c constraints-clients.txt -e '.[clients]' pytest pytest-xdist hypothesis beartype | $(SHORT)
	@touch $@
