# Everything runs in .venv, made from the exact versions in constraints.txt.
# README.md names the plain pip commands behind these targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LAVIS := .venv-lavis
# LAVIS needs Python 3.11.
LAVIS_PYTHON ?= $(PYTHON)
PIP := $(BIN)/python -m pip install --constraint constraints.txt

.PHONY: demo test test-lavis lint format bench clean

demo: $(VENV)/installed
	$(BIN)/rateval run examples/quickstart.toml

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest

# salesforce-lavis pins old libraries; timm 0.4.12 uses what torch calls deprecated when imported.
test-lavis: $(LAVIS)/installed
	$(LAVIS)/bin/python -m pytest -W ignore::FutureWarning tests/rateval_lavis plugins/rateval_lavis \
		tests/rateval_attention/test_golden.py tests/rateval_clip/test_recording.py \
		tests/rateval_clip/test_checkpoints.py

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed-dev
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

$(VENV)/python:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/python
	$(PIP) --editable '.[all]'
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) --editable '.[all,dev]'
	touch $@

$(LAVIS)/installed: pyproject.toml constraints-lavis.txt
	$(LAVIS_PYTHON) -m venv $(LAVIS)
	$(LAVIS)/bin/python -m pip install --constraint constraints-lavis.txt \
		--editable '.[clip,lavis]' pytest hypothesis
	touch $@

clean:
	rm -rf $(VENV) $(LAVIS) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
