# Two commands do everything on a fresh machine: make demo, make test. They need python3 (3.11 or newer),
# make, and the Python package registry.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo
# Tests at once: one more than two cores, since those of servers wait more than they work.
WORKERS ?= 3
export PYTHONUTF8 := 1

.PHONY: demo test test-thorough test-unit test-spec test-flows test-serving test-engines coverage lint docs cards bench year wheel lock clean help

help:  ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# the locked versions with their hashes, then this checkout on top
$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "churnml needs Python 3.11 or newer; run make with PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.8"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.engines: $(VENV)/.ready requirements-engines.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-engines.lock
	@touch $@

demo: $(VENV)/.ready  ## simulate a company, train, score, route, report
	@test -f $(DEMO)/project.yaml || $(BIN)/churnml simulate --out $(DEMO)
	@$(BIN)/churnml run --project $(DEMO)

test: $(VENV)/.engines  ## every test
	@sh tests/browser.sh
	@sh tests/postgres.sh
	$(BIN)/python -m pytest -n $(WORKERS)

test-thorough: $(VENV)/.engines  ## the properties on ten times as many random companies
	CHURNML_THOROUGH=1 $(BIN)/python -m pytest -n $(WORKERS) tests/property

test-unit: $(VENV)/.engines  ## what a function does
	@sh tests/browser.sh
	$(BIN)/python -m pytest -n $(WORKERS) tests/unit tests/property tests/oracle tests/store tests/delivery tests/connectors tests/web

test-spec: $(VENV)/.ready  ## the worked examples
	$(BIN)/python -m pytest -n $(WORKERS) tests/spec

test-flows: $(VENV)/.ready  ## whole commands on small companies
	@sh tests/browser.sh
	$(BIN)/python -m pytest -n $(WORKERS) tests/flows

test-serving: $(VENV)/.engines  ## what runs by itself: churnml serve, churnml deploy, Prefect's server and workers
	@sh tests/postgres.sh
	$(BIN)/python -m pytest -n $(WORKERS) tests/serving

test-engines: $(VENV)/.engines  ## Spark and PostgreSQL beside DuckDB
	$(BIN)/python -m pytest -n $(WORKERS) tests/engines

coverage: $(VENV)/.engines  ## every test, and which lines of the source they run
	@sh tests/browser.sh
	@sh tests/postgres.sh
	$(BIN)/python -m pytest -n $(WORKERS) --cov=churnml --cov=pipelines --cov-report=term:skip-covered

lint: $(VENV)/.ready  ## style, types, names and sizes, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.architecture.house

docs: $(VENV)/.ready  ## the pages that are generated from declarations
	$(BIN)/python -m docs.generate

cards: $(VENV)/.ready  ## the cards of the models that come with churnml, from the demo's company
	$(BIN)/python -m docs.cards

bench: $(VENV)/.engines  ## measure, and write docs/performance.md
	$(BIN)/python -m benchmarks

year: $(VENV)/.engines  ## live a simulated year, and write docs/impact.md
	$(BIN)/python -m benchmarks.year

wheel: $(VENV)/.ready  ## dist/churnml-*.whl
	$(BIN)/python -m build --wheel --no-isolation

lock: $(VENV)/.ready  ## pin versions with hashes, naming no registry
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --no-annotate --group dev pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --no-annotate --group engines -c requirements.lock -o requirements-engines.lock

clean:  ## forget everything made here
	rm -rf $(VENV) $(DEMO) dist examples/*/.churnml .mypy_cache .ruff_cache
