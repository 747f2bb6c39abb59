# Set-up and daily commands; each builds the virtual environment that it needs.
# The plain commands behind `make demo` and `make test` stand in README.md.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
SECONDS_EACH ?= 60

.PHONY: demo test check fuzz audit soak kill-test clean

demo: $(VENV)/.run
	$(BIN)/quake-stream demo

test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python .ci/audit.py
	$(BIN)/python -m pytest -n auto --cov --cov-report=term

# Hours of data, 60 times as fast as they happened; more by SOAK, as in SOAK="--model lstm --speed 20".
SOAK_HOURS ?= 24

soak: $(VENV)/.run
	$(BIN)/python benchmarks/soak --hours $(SOAK_HOURS) $(SOAK)

# Searches for inputs that break a parser, SECONDS_EACH for each of them; what it finds is in .fuzz/.
fuzz: $(VENV)/.fuzz
	$(BIN)/python -m fuzz.run --seconds $(SECONDS_EACH)

# Says loudly when no service could be asked; vulnerabilities are exit status 1.
audit: $(VENV)/.dev
	$(BIN)/python .ci/audit.py

# The service dies a hundred times, its server twenty; a quarter of an hour.
kill-test: $(VENV)/.test
	QUAKE_STREAM_KILLS=100 $(BIN)/python -m pytest tests/test_kill.py

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

$(VENV)/.fuzz: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	touch $@ $(VENV)/.test $(VENV)/.run

clean:
	rm -rf .fuzz $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
