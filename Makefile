# What a person does with this repository. `make help` lists it.
# Needs only git, make and Python 3.11 or later.

PYTHON ?= python3
ORDERS ?= 5000
SEED ?= 1
ONCE ?=
EXAMPLES ?= 200

BIN := .venv/bin
# Newer than the lock and pyproject.toml: what is installed is what they say.
STAMP := .venv/.installed
UV ?= uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-strip-extras

# What runs under Node beside us: the control and two relying parties. By version only; npm checks what it fetches.
NODE := .interlock/node
NODE_STAMP := $(NODE)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-spark check conformance races docs format bench bench-hub bench-growth soak bench-books bench-delivery bench-claims bench-sso bench-recon recon-days chaos fuzz lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nVariables: ORDERS=%s SEED=%s ONCE=1 (demo ends after its summary) PYTHON=%s\n' '$(ORDERS)' '$(SEED)' '$(PYTHON)'

setup: $(STAMP) ## Make .venv and install everything, hash-checked (only when the lock has changed)

$(STAMP): requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Interlock needs Python 3.11 or later; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	touch $(STAMP)

# Groups that not everybody needs: bench (the peers we are measured beside), spark (the second engine).
.venv/.installed-%: requirements-%.lock $(STAMP)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r $<
	touch $@

demo: setup ## Play a day of railway traffic on real engines and reconcile it
	$(BIN)/interlock demo $(if $(ONCE),--once) --orders $(ORDERS) --seed $(SEED)

test: setup ## Run all tests
	$(BIN)/python -m pytest -n 3

test-spark: setup .venv/.installed-spark ## Hold the second engine to the first: the same differences, row by row (needs Java 17)
	$(BIN)/python -m pytest -q --spark tests/spark

check: setup ## Format, lint, types, import contracts, tests: what must be green before a change is offered
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m interlock.documentation --check
	$(BIN)/python -m pytest -n 3

$(NODE_STAMP): tests/conformance/package.json
	mkdir -p $(NODE)
	cp $< $(NODE)/package.json
	npm install --prefix $(NODE) --no-audit --no-fund --no-package-lock --loglevel=error
	touch $@

conformance: setup $(NODE_STAMP) ## Hold our provider and node oidc-provider to one checklist, ours to five relying parties (needs Node)
	$(BIN)/python -m pytest -q tests/conformance tests/relying_parties --control --conformance-report $(or $(REPORT),.interlock/conformance.txt)

races: setup ## Redeem each one-time artefact of the login from two processes at once (ROUNDS=1000)
	$(BIN)/python -m pytest -q -s tests/processes/test_one_time.py --redemptions $(or $(ROUNDS),1000)

docs: setup ## Write the published schemas and the reference pages from the code
	$(BIN)/interlock schema publish
	$(BIN)/python -m interlock.documentation

format: setup ## Put all code into the common format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

fuzz: setup ## Attack our own OpenAPI document for some minutes (EXAMPLES=200 requests at each address, per role)
	$(BIN)/python -m pytest -q tests/api/test_surface.py --fuzz-examples $(EXAMPLES)

bench: setup ## Measure, against floors taken in the same run
	$(BIN)/python -m benchmarks

bench-hub: setup ## Measure the intake beside a bare endpoint that only inserts, in one run
	$(BIN)/python -m benchmarks.intake.bench

bench-growth: setup ## Measure the intake in a ledger of 0, 0.1 and 1 million orders (8 GB of disk)
	$(BIN)/python -m benchmarks.intake.growth

soak: setup ## Send steady sales (MINUTES=10) and print the memory of API and worker every ten seconds
	$(BIN)/python -m benchmarks.intake.soak $(if $(MINUTES),--minutes $(MINUTES))

chaos: setup ## Play a day while everything breaks, then count what is lost (MINUTES=5 ORDERS=1500 SEED=1)
	$(BIN)/python -m benchmarks.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(filter command line environment,$(origin ORDERS)),--orders $(ORDERS)) --seed $(SEED) $(if $(JSON),--json)

bench-books: setup ## Measure balances in a ledger of 0.1 and 1 million orders, beside summing line by line
	$(BIN)/python -m benchmarks.books

bench-delivery: setup ## Measure deliveries beside a bare client that only posts, in one run
	$(BIN)/python -m benchmarks.delivery

bench-claims: setup ## Claim seats of one train from five channels at two API processes (CLAIMS=20000 ROUNDS=1000)
	$(BIN)/python -m pytest -q -s tests/processes --claims $(or $(CLAIMS),20000) --rounds $(or $(ROUNDS),1000)

bench-sso: setup $(NODE_STAMP) ## Measure the login beside node oidc-provider, in one run (needs Node)
	$(BIN)/python -m benchmarks.sso

bench-recon: setup .venv/.installed-bench ## Reconcile a day of ROWS=2000000 beside bare joins and datacompy, and score it (SEED=1 RATE=0.001)
	$(BIN)/python -m benchmarks.recon bench --rows $(or $(ROWS),2000000) --seed $(SEED) --rate $(or $(RATE),0.001) $(if $(JSON),--json $(JSON)) $(if $(BESIDE),--beside $(BESIDE)) $(if $(WORK),--work $(WORK))

recon-days: setup ## Reconcile sixty days day by day against an independent auditor (DAYS=60 SEED=1)
	$(BIN)/python -m tests.reconciliation.days --days $(or $(DAYS),60) --seed $(SEED)

lock: ## Renew the hash-locked requirements (needs uv)
	UV_CUSTOM_COMPILE_COMMAND='make lock' $(COMPILE) --upgrade pyproject.toml --group build -o requirements.lock
	UV_CUSTOM_COMPILE_COMMAND='make lock' $(COMPILE) pyproject.toml --group build --group dev \
		-c requirements.lock -o requirements-dev.lock
	for group in bench spark; do \
		UV_CUSTOM_COMPILE_COMMAND='make lock' $(COMPILE) pyproject.toml --group build --group dev --group $$group \
			-c requirements-dev.lock -o requirements-$$group.lock \
			$$(sed -n 's/^\([a-z0-9-]*\)\(\[.*\)\{0,1\}==.*/--no-emit-package \1/p' requirements-dev.lock); \
	done

clean: ## Stop what runs here, then remove the virtual environment, the data and all caches
	if [ -x $(BIN)/interlock ]; then $(BIN)/interlock down; fi
	rm -rf .venv .interlock .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
