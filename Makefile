# `make` prints the targets. Needs Python 3.11+ and make; everything else goes into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv

.DEFAULT_GOAL := help
.PHONY: help demo test lint typecheck format lowest newest wheel clean

help:  ## print the targets
	@grep -E '^[a-z-]+:.*##' Makefile | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# A stock pip backtracks from langchain-tests' pins into packages that no longer build; uv does not.
$(VENV)/.ready: pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(UV) pip install --quiet --python $(BIN)/python --editable '.[all]' --group test --group lint
	@touch $@

demo: $(VENV)/.ready  ## see both frameworks reason, call tools and answer (against Anyfast if ANYFAST_API_KEY is set)
	@$(BIN)/python examples/quickstart.py

test: $(VENV)/.ready lint typecheck  ## run every test, the linter and the type checker
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/.ready  ## ruff, without changing anything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(VENV)/.ready  ## mypy --strict over the four packages
	$(BIN)/mypy

format: $(VENV)/.ready  ## let ruff format and fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lowest:  ## the tests on the oldest frameworks that the pins allow
	PYTHON=$(PYTHON) tests/run_with_pins.sh lowest-direct

newest:  ## the tests on the newest frameworks that install
	PYTHON=$(PYTHON) tests/run_with_pins.sh highest

wheel: $(VENV)/.ready  ## build the wheel into dist/
	$(UV) build --wheel --python $(BIN)/python

clean:  ## remove what the targets above made
	rm -rf $(VENV) .venv-* dist .mypy_cache .ruff_cache .hypothesis
