# Set-up and daily commands; each builds the virtual environment that it needs.
# The plain commands behind `make demo` and `make test` stand in README.md.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test check soak clean

demo: $(VENV)/.run
	$(BIN)/quake-stream demo

test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --cov --cov-report=term

# Hours of data, 60 times as fast as they happened; more by SOAK, as in SOAK="--model lstm --speed 20".
SOAK_HOURS ?= 24

soak: $(VENV)/.run
	$(BIN)/python benchmarks/soak --hours $(SOAK_HOURS) $(SOAK)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# What is installed is noted in a file, so that pip runs only after a change.
$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@ $(VENV)/.run

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/.test $(VENV)/.run

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
