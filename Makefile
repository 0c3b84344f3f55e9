# Two commands: `make book` and `make test`. Both set everything up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
HTML := _build/html/index.html
NODE := node_modules/.package-lock.json
SOURCES := $(wildcard _config.yml _toc.yml *.md CITATION.cff references.bib chapters/*.md reference/*.md course/* course/slides/* \
  lib/*.py lib/*/*.py book/*/* live/*)

# The matrices are small: threads would wait for each other longer than they work.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

# After a failed build: its warnings, and the last lines of each chapter's traceback.
EXPLAIN = tail -n 20 _build/warnings.log; grep -a 'WARNING: \|rror: ' _build/warnings.log | cut -c1-300; \
  find _build/html -name '*.err.log' -exec tail -n 8 {} \; ; exit 1

.DEFAULT_GOAL := help
.PHONY: help book test lint notebooks student branch links bench picture serve chromium node node_modules

help:  ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(READY): requirements.txt constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.txt -c constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps -e .
	touch $@

$(HTML): $(READY) $(SOURCES)
	mkdir -p _build
	CI=true PYTHONPATH=book/ext:book $(BIN)/jupyter-book build . -W -n --keep-going --all 2> _build/warnings.log || { $(EXPLAIN); }
	test -f $@

book: $(HTML)  ## Build and execute the book into _build/html

test: $(HTML) chromium node_modules  ## Run all tests, those of the built pages among them
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

node_modules: $(NODE)

$(NODE): package.json package-lock.json | node
	@if command -v npm >/dev/null; then npm ci --silent && touch $@; else \
	  echo "Node.js with npm is missing: the tests of accessibility and workflows need it."; fi

lint: $(READY)  ## Look for faults in the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

notebooks: $(READY)  ## Bring notebooks/ and chapters/ in step
	$(BIN)/jupytext --quiet --sync chapters/*.md
	$(BIN)/jupytext --quiet --to ipynb --output notebooks/explorer.ipynb live/explorer.md

student: $(READY)  ## Write the edition without solutions, _build/student/html and _build/student/notebooks
	PYTHONPATH=book/ext:book $(BIN)/python -m publish.student sources _build/student
	CI=true PYTHONPATH=book/ext:book $(BIN)/jupyter-book build _build/student/source --path-output _build/student/built -W -n --keep-going --all
	mv _build/student/built/_build/html _build/student/html
	PYTHONPATH=book/ext:book $(BIN)/python -m publish.student check _build/student

branch: $(READY)  ## Write what the branch of notebooks holds into _build/branch
	rm -rf _build/branch
	PYTHONPATH=book/ext:book $(BIN)/python -m publish.notebooks _build/branch

links: $(READY)  ## Try all links that lead out of the book
	mkdir -p _build
	sed 's/execute_notebooks: force/execute_notebooks: "off"/' _config.yml > _build/links.yml
	PYTHONPATH=book/ext:book $(BIN)/jupyter-book build . --config _build/links.yml --builder linkcheck --path-output _build/links

bench: $(READY)  ## Measure the solvers' scaling, long horizons, and the simulator against a plain torch loop
	$(BIN)/python benchmarks/solver_scaling.py
	$(BIN)/python benchmarks/residual_scaling.py
	$(BIN)/python benchmarks/long_horizons.py
	$(BIN)/python benchmarks/simulator_speed.py

picture: $(READY)  ## Draw the picture of README.md
	$(BIN)/python book/readme_figure.py

serve: $(HTML)  ## Show the book at http://localhost:8000
	$(BIN)/python -m http.server --directory _build/html 8000
