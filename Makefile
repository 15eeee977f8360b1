# Every target does its own set-up: git, make and Python 3.11+ are enough.
PY ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint fix paper docs bench snapshots lock inspector smoke-testnet test-long test-clients \
  test-faults test-sim mutants soak clean

help:
	@echo "make demo   set up, then trade on the built-in paper exchange (no keys, no network)"
	@echo "make test   set up, then every check that CI runs"
	@echo "make paper  the paper exchange alone, on loopback"
	@echo "More: setup lint fix docs bench snapshots inspector smoke-testnet test-long test-clients test-faults test-sim"; \
	echo "      mutants soak lock clean"

# A virtual environment works where Python is externally managed. Where ensurepip is missing (Debian without
# python3-venv) any pip at hand fills it; with no pip at all, one line says what to install.
define install_lock
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with: make PY=python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PY) -m venv $(VENV) >/dev/null 2>&1 \
	  || { rm -rf $(VENV); $(PY) -m venv --without-pip $(VENV); }
	@if $(BIN)/python -m pip --version >/dev/null 2>&1; then pip="$(BIN)/python -m pip"; \
	elif $(PY) -m pip --version >/dev/null 2>&1; then pip="$(PY) -m pip --python $(BIN)/python"; \
	elif command -v pip3 >/dev/null 2>&1; then pip="pip3 --python $(BIN)/python"; \
	else echo "No pip was found. Install it with: apt-get install python3-venv"; exit 1; fi; \
	$$pip --disable-pip-version-check install --quiet --require-hashes -r $(1) \
	$(if $(2),,&& $$pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation -e .)
	@touch $@
endef

$(VENV)/.run: requirements.lock pyproject.toml
	$(call install_lock,requirements.lock)

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	$(call install_lock,requirements-dev.lock)
	@touch $(VENV)/.run

setup: $(VENV)/.run

demo: setup
	@$(BIN)/binance-spot-mcp demo

paper: setup
	@$(BIN)/binance-spot-mcp paper

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest -q -n auto -m "not long"

test-long: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n auto -m long

# Every fault of docs/safety.md, driven against a server process from outside; ROWS="F02 F31" chooses.
test-faults: $(VENV)/.dev
	$(BIN)/python -m tests.faults $(ROWS)

# Every guard taken away in a copy of the tree, and the test that must fail without it.
mutants: $(VENV)/.dev
	$(BIN)/python tests/mutants.py $(WORDS)

# One seed alone, told in full: make test-sim SEED=17
test-sim: $(VENV)/.dev
	$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),200))

# Third-party clients want an environment of their own.
CLIENTS := $(VENV)/clients

$(CLIENTS)/.run: VENV := $(CLIENTS)
$(CLIENTS)/.run: BIN := $(CLIENTS)/bin
$(CLIENTS)/.run: tests/clients/requirements.txt
	$(call install_lock,tests/clients/requirements.txt,alone)

test-clients: setup $(CLIENTS)/.run
	$(CLIENTS)/bin/python -m pytest -q tests/clients

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev
	$(BIN)/python docs/generate.py

snapshots: $(VENV)/.dev
	UPDATE_SNAPSHOTS=1 $(BIN)/python -m pytest -q tests/unit/surface

bench: $(VENV)/.dev $(CLIENTS)/.run
	@for script in bench/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# Half an hour: 2,000 stream messages a second into one server process (bench/soak says what must hold).
soak: setup
	@$(BIN)/python bench/soak --minutes $(or $(MINUTES),30)

# A person's own testnet key is needed: BINANCE_API_KEY and BINANCE_API_SECRET, or a key file (setup.md).
smoke-testnet: setup
	@$(BIN)/binance-spot-mcp demo --env testnet

# Needs Node.js; the Inspector is fetched by npx.
inspector: setup
	npx --yes @modelcontextprotocol/inspector --cli $(BIN)/binance-spot-mcp serve --env paper --method tools/list
	npx --yes @modelcontextprotocol/inspector --cli $(BIN)/binance-spot-mcp serve --env paper \
	  --method tools/call --tool-name get_price --tool-arg symbol=BTCUSDT
	npx --yes @modelcontextprotocol/inspector --cli $(BIN)/binance-spot-mcp serve --env paper \
	  --method tools/call --tool-name place_order --tool-arg symbol=BTCUSDT --tool-arg side=BUY --tool-arg type=MARKET \
	  --tool-arg quoteOrderQty=50

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# The lock files name hashes and no host; uv is needed only here, by whoever changes a dependency.
lock:
	printf 'hatchling>=1.27,<2\neditables>=0.5,<1\n' > build-backend.in
	uv pip compile --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	  pyproject.toml build-backend.in -o requirements.lock
	uv pip compile --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	  pyproject.toml --extra dev build-backend.in -c requirements.lock -o requirements-dev.lock
	uv pip compile --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	  tests/clients/requirements.in -o tests/clients/requirements.txt
	rm build-backend.in
