# Two commands: `make book` and `make test`. Both set everything up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
HTML := _build/html/index.html
NODE := node_modules/.package-lock.json
SOURCES := $(wildcard _config.yml _toc.yml *.md CITATION.cff references.bib chapters/*.md reference/* course/* course/slides/* \
  lib/*.py lib/*/*.py book/*/* live/*)

# The matrices are small: threads would wait for each other longer than they work.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

# Numbers may depend on these: the book is built anew when one of them changes.
SETTINGS := _build/settings
CHOSEN := seeds from $(SEED_OFFSET), kernel $(OPENBLAS_CORETYPE) $(ATEN_CPU_CAPABILITY), threads $(OMP_NUM_THREADS) $(OPENBLAS_NUM_THREADS)

# For our extensions and commands, and so that nothing asks whether a person is watching.
IN_BOOK := CI=true PYTHONPATH=book/ext:book
SPHINX := $(IN_BOOK) $(BIN)/jupyter-book build -W -n --keep-going --all
# As many processes of tests as pages are executed at once; each takes neighbours, which share pages and solutions.
SIDE_BY_SIDE = -n $$($(IN_BOOK) $(BIN)/python -c 'import execute; print(execute.processes())') --maxprocesses 8 --dist worksteal
# What failed is not a book.
FAIL := { rm -rf _build/html; exit 1; }
EXPLAIN := { tail -n 20 _build/warnings.log; grep -a 'WARNING: \|rror: ' _build/warnings.log | cut -c1-300; $(FAIL); }

# What `make bench` compares with: any commit.
BEFORE ?= 73ffb86

.DEFAULT_GOAL := help
.PHONY: help book test everywhere fuzz lint notebooks student assistants slides branch pdf links bench picture serve chromium node node_modules always

help:  ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(READY): requirements.txt constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.txt -c constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps -e .
	touch $@

$(SETTINGS): always
	@mkdir -p _build
	@echo "$(CHOSEN)" | cmp -s - $@ || echo "$(CHOSEN)" > $@

# Executed notebooks are kept in _build/runs; pages are made aside, so that _build/html is a whole book or none.
$(HTML): $(READY) $(SETTINGS) $(SOURCES)
	$(IN_BOOK) $(BIN)/python -m execute || $(FAIL)
	rm -rf _build/new
	$(SPHINX) . --path-output _build/new 2> _build/warnings.log || $(EXPLAIN)
	rm -rf _build/html && mv _build/new/_build/html _build/html
	touch $@

book: $(HTML)  ## Execute what has changed and build the book into _build/html

test: $(HTML) chromium node_modules  ## Run all tests, those of the built pages among them
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

everywhere: $(READY)  ## Execute and test the book with other BLAS kernels, threads and seeds (hours)
	$(IN_BOOK) $(BIN)/python -m everywhere $(PAGES)

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

# Problem sheets have other numbers in another term: make student FOR=2027-autumn
FOR ?= example

student: $(READY)  ## Write the edition without solutions and the problem sheets of the term FOR=.. into _build/student
	$(IN_BOOK) $(BIN)/python -m publish.student sources _build/student $(FOR)
	$(IN_BOOK) $(BIN)/python -m publish.student_runs _build/student/source
	$(IN_BOOK) $(BIN)/python -m execute _build/student/source
	$(SPHINX) _build/student/source --path-output _build/student/built
	mv _build/student/built/_build/html _build/student/html
	$(IN_BOOK) $(BIN)/python -m publish.student check _build/student $(FOR)

assistants: $(READY)  ## Write the sheets' solutions and nbgrader's sources for the term FOR=.. into _build/assistants
	$(IN_BOOK) $(BIN)/python -m publish.sheets assistants _build/assistants $(FOR)

slides: $(HTML) chromium  ## Print the slides, two on a page, into _build/slides
	$(IN_BOOK) $(BIN)/python -m publish.handouts _build/slides

branch: $(READY)  ## Write what the branch of notebooks holds into _build/branch
	rm -rf _build/branch
	$(IN_BOOK) $(BIN)/python -m publish.notebooks _build/branch

pdf: $(HTML) chromium  ## Print the whole book into one file, _build/book.pdf
	$(IN_BOOK) $(BIN)/python -u -m pdf _build/html _build/book.pdf

links: $(READY)  ## Try all links that lead out of the book
	mkdir -p _build
	sed 's/execute_notebooks: cache/execute_notebooks: "off"/' _config.yml > _build/links.yml
	$(IN_BOOK) $(BIN)/jupyter-book build . --config _build/links.yml --builder linkcheck --path-output _build/links

fuzz: $(READY)  ## Draw random problems, round after round, until one fails (FUZZ_EXAMPLES of each kind a round)
	while FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-50} $(BIN)/python -m pytest -q -x --hypothesis-profile=default tests/fuzz.py; do :; done; exit 1

bench: $(READY) _build/before/$(BEFORE)  ## Measure solvers and simulator against plain ones, and against the commit BEFORE
	$(BIN)/python benchmarks/solver_scaling.py
	$(BIN)/python benchmarks/residual_scaling.py
	$(BIN)/python benchmarks/long_horizons.py --before _build/before/$(BEFORE)
	$(BIN)/python benchmarks/simulator_speed.py --before _build/before/$(BEFORE)

_build/before/%:
	rm -rf $@.part && mkdir -p $@.part && git archive $* lib | tar -x -C $@.part && mv $@.part $@

picture: $(READY)  ## Draw the picture of README.md
	$(BIN)/python book/readme_figure.py

serve: $(HTML)  ## Show the book at http://localhost:8000
	$(BIN)/python -m http.server --directory _build/html 8000
