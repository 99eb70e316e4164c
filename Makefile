# `make demo` and `make test` need Python >= 3.11 and nothing else. Every target sets up the environment it needs.

PYTHON ?= python3
BIN := .venv/bin
FAST := tests/unit tests/law tests/golden tests/property tests/mutants

.PHONY: install demo test simulate simulate-real check format bench bench-kafka lock clean

install: .venv/installed

.venv/installed: pyproject.toml requirements.lock
	@echo "Setting up .venv (once; about half a minute) ..."
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Retold needs Python 3.11 or newer, got " + sys.version)'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch .venv/installed

# KAFKA=1: on Apache Kafka and OpenSearch, which are started for it; their data is in demo-data-kafka, too.
SERVICES := $(BIN)/python -m services kafka opensearch --data demo-data-kafka/services --
demo: install
	@$(if $(KAFKA),$(SERVICES) $(BIN)/retold demo --data demo-data-kafka,$(BIN)/retold demo)

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto $(FAST)

# Also whole installations, two at a time, on a real broker and a real node, which are started for all tests.
TEST_SERVICES := $(BIN)/python -m services kafka opensearch apicurio --for-tests --
test: check
	$(TEST_SERVICES) $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
		tests/integration tests/simulation tests/conformance

# SEEDS=1000: that many seeds; SEED=17: this one alone; FIRST=5000: the first of them; MORE: further options.
simulate: install
	$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),100) --first $(or $(FIRST),1)) $(MORE)

# The same workload on real processes, a broker and a node, which are started for it; MORE=--embedded: without those.
simulate-real: install
	$(BIN)/python -m tests.simulation.real $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),3) --first $(or $(FIRST),1)) $(MORE)

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install
	$(BIN)/python -m benchmarks

# One broker and one node are started for each, on the same processors.
bench-kafka: install
	$(BIN)/python -m benchmarks kafka opensearch cluster snapshots

# Only for those who change dependencies.
lock: install
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes --no-header -o requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --constraints requirements.lock --generate-hashes --no-header --no-annotate -o requirements.runtime.lock pyproject.toml

clean:
	rm -rf .venv .mypy_cache .ruff_cache build *.egg-info demo-data demo-data-kafka
