# Two commands: `make book` and `make test`. Both set everything up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
HTML := _build/html/index.html
SOURCES := $(wildcard _config.yml _toc.yml index.md references.bib chapters/*.md reference/*.md lib/*.py ext/*.py live/* _static/*)

.DEFAULT_GOAL := help
.PHONY: help book test lint notebooks bench serve chromium node

help:  ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(READY): requirements.txt constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.txt -c constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps -e .
	touch $@

$(HTML): $(READY) $(SOURCES)
	CI=true PYTHONPATH=ext $(BIN)/jupyter-book build . -W -n --keep-going --all
	test -f $@

book: $(HTML)  ## Build and execute the book into _build/html

test: $(HTML) chromium node  ## Run all tests, those of the built pages among them
	$(BIN)/python -m pytest

chromium: PACKAGE := chromium
node: PACKAGE := nodejs
chromium node:
	@command -v $@ >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(PACKAGE) >/dev/null; \
	  else \
	    echo "$@ is missing: install Debian's package '$(PACKAGE)'; the tests of the pages need it."; \
	  fi; }

lint: $(READY)  ## Look for faults in the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

notebooks: $(READY)  ## Bring notebooks/ and chapters/ in step
	$(BIN)/jupytext --quiet --sync chapters/*.md

bench: $(READY)  ## Measure the solver's scaling and the simulator against a plain torch loop
	$(BIN)/python benchmarks/solver_scaling.py
	$(BIN)/python benchmarks/simulator_speed.py

serve: $(HTML)  ## Show the book at http://localhost:8000
	$(BIN)/python -m http.server --directory _build/html 8000
