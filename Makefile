# Each target makes the environment that it needs, so that any of them is the only step.
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
OUT := out
# one headline figure of each family; that of `mnist` takes digits where MNIST is not to be had
FIGURES := dimensionality_vs_dataset_size mixing_matrix

.PHONY: figures these-figures mnist-figures test test-slow test-all check format reference benchmark playground lessons notebooks handout stick clean

# the first is there at once; the others in two processes, as compiling takes one core each
figures: .venv/installed
	$(BIN)/python -m experiments run intro_2d --out $(OUT)
	$(MAKE) --no-print-directory --jobs 2 these-figures mnist-figures

these-figures: .venv/installed
	$(BIN)/python -m experiments run $(FIGURES) --out $(OUT)

mnist-figures: .venv/installed
	dataset=$$($(BIN)/python -m toymodels.data.images) && \
		$(BIN)/python -m experiments run hidden_neurons --dataset $$dataset --out $(OUT)

# both cores, the longest rooms first; a file's tests, and a family's figures, stay together
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --no-loadscope-reorder

test: .venv/installed-test
	$(PYTEST) -m "not slow"

# what `make test` leaves out
test-slow: .venv/installed-test
	$(PYTEST) -m slow

test-all: test test-slow

check: .venv/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# the API reference; a warning is an error
reference: .venv/installed-docs
	$(BIN)/python -m docs.reference $(OUT)/reference

# the page benchmarks/README.md; compares with PyTorch, which it asks for
benchmark: .venv/installed
	$(BIN)/python -m benchmarks.throughput
	$(BIN)/python -m benchmarks.finite_dataset
	$(BIN)/python -m benchmarks.attention
	$(BIN)/python -m benchmarks.dictionary
	$(BIN)/python -m benchmarks.table

# opens the lessons in a browser; what is answered is kept in their files
lessons: .venv/installed-lessons
	$(BIN)/marimo edit lessons --skip-update-check

# the lessons for Jupyter and Colab; `make notebooks PACKAGE=...` names what pip installs there
PACKAGE := toymodels
notebooks: .venv/installed-lessons
	$(BIN)/python lessons/notebooks.py $(OUT)/notebooks '$(PACKAGE)'

# a page to print, from the recorded figures
handout: .venv/installed
	$(BIN)/python lessons/handout.py $(OUT)/handout.pdf

# a folder for workshops without a network; `make stick FOR=win_amd64/3.12` adds another platform
FOR :=
stick: .venv/installed-lessons
	$(BIN)/python lessons/stick.py $(OUT)/stick $(FOR)

# lessons/playground.html from its sources; needs node
playground: lessons/playground/node_modules/.package-lock.json
	npm --prefix lessons/playground run --silent build

clean:
	rm -rf .venv $(OUT)

lessons/playground/node_modules/.package-lock.json: lessons/playground/package-lock.json
	npm --prefix lessons/playground ci --no-audit --no-fund
	@touch $@

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer is needed" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/installed-docs: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@ .venv/installed

.venv/installed-lessons: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[lessons]'
	@touch $@ .venv/installed

.venv/installed-test: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ .venv/installed
