# `make check test` before handing over. PYTHON is the interpreter of an environment with the dev extra.
PYTHON ?= .venv/bin/python

.PHONY: install check test format demo benchmark

install:
	python3 -m venv .venv && .venv/bin/pip install -e ".[dev]"

check:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"

test:
	$(PYTHON) -m pytest

format:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

# Rewrites docs/accuracy.md: analytic phantoms, other programs in environments of their own, speed. Some ten minutes.
benchmark:
	$(PYTHON) tests/benchmarks/run.py

demo:
	$(PYTHON) -m sbrtcheck demo
