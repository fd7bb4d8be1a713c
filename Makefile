# The two commands are `make demo` and `make test`; `make` alone lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Empty for the pinned ansible-core, or newest: make test CORE=newest PYTHON=/path/to/python3.13
CORE ?= $(TESTS_CORE)
ifndef PYTHON
PYTHON := $(firstword $(shell command -v $(if $(CORE),,python3.11 python3.12) python3.13 python3.12 python3 2>/dev/null || true))
endif
JOBS ?= 3
BENCH ?= galaxy_sync stack scale broker monitoring
# Several scenarios: make molecule SCENARIO="default single"
SCENARIO ?= default
# How long each seed of `make chaos` takes, and which ones: make chaos SECONDS=900 SEED="1 2 3"
SECONDS ?= 3600
SEED ?= 7
# Releases of Galaxy that have a lock.
GALAXY ?= $(patsubst tests/testbed/locks/galaxy-%.txt,%,$(wildcard tests/testbed/locks/galaxy-*.txt))
# Additional arguments of pytest, for example: make unit ARGS="-k drain"
ARGS ?=

CACHE := $(CURDIR)/.cache
VENV := $(CACHE)/venv$(addprefix -,$(CORE))
# Everything runs in the pinned environment and sees the checkout under its collection name.
# The other collections come with the package `ansible` in that environment.
export PATH := $(VENV)/bin:$(PATH)
export VIRTUAL_ENV := $(VENV)
export TESTS_CORE := $(CORE)
export ANSIBLE_COLLECTIONS_PATH := $(CACHE)/collections

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

.PHONY: venv
venv: ## Make .cache/venv from the pinned requirements, and the collection tree (CORE=newest: another one beside it)
	@test -n "$(PYTHON)" || { echo "error: no python3 was found: run \`apt-get install python3 python3-venv\`." >&2; exit 1; }
	@"$(PYTHON)" tests/tools/environment.py

.PHONY: test
test: venv ## Run everything that CI runs (JOBS=1: one step after the other)
	@exec python tests/run.py --jobs $(JOBS)

.PHONY: test-full
test-full: venv ## Run everything, with the long scenarios too
	@exec python tests/run.py --jobs $(JOBS) --full

.PHONY: lint
lint: venv ## yamllint, ansible-lint (production), ruff, mypy, changelog fragments
	@exec python tests/run.py --only 'lint:*'

.PHONY: unit
unit: venv ## Unit tests and house rules (ARGS="-k NAME" for some)
	python -m pytest -m "not broker" tests/unit $(ARGS)

.PHONY: broker
broker: testbed ## Unit tests that need a real RabbitMQ, in a container of their own
	@exec python tests/tools/broker.py $(ARGS)

.PHONY: preflight
preflight: venv ## Prove that wrong variables stop the playbooks before any host is changed
	python -m pytest tests/integration/test_check.py tests/integration/test_init.py tests/integration/test_preflight.py tests/integration/test_readme.py tests/integration/test_role_examples.py tests/integration/test_sites.py tests/integration/test_wrong_inputs.py $(ARGS)

.PHONY: bench
bench: testbed ## Run every benchmark, and write docs/benchmarks.md (BENCH=stack ARGS="--rounds 7" for one of them)
	@tests/testbed/build.sh bench
	@set -e; for name in $(BENCH); do python "tests/benchmark/$$name.py" $(ARGS); done

.PHONY: package
package: venv ## Build the artifact, install it elsewhere, check its playbooks, import it
	python tests/tools/package.py

.PHONY: sanity
sanity: venv ## ansible-test sanity on a copy of the tree
	python tests/tools/sanity.py $(ARGS)

.PHONY: molecule
molecule: venv ## Run Molecule scenarios (SCENARIO="default single")
	@exec python tests/run.py $(foreach name,$(SCENARIO),--only 'molecule: $(name)')

.PHONY: chaos
chaos: venv ## Cause faults of every kind on a whole stack under load, and look what is lost (SECONDS=900 SEED="1 2 3")
	@CHAOS_SECONDS="$(SECONDS)" CHAOS_SEEDS="$(SEED)" exec python tests/run.py --only chaos

.PHONY: docs
docs: venv ## Build the documentation into .cache/docs/html, and look for dead links
	@tests/testbed/build.sh docs
	python tests/tools/docs.py

.PHONY: docs-tables
docs-tables: venv ## Write the tables of variables: of the roles' READMEs, of docs/migration.md, and of supported versions
	python tests/tools/variable_tables.py
	python tests/tools/migration_tables.py
	python tests/tools/supported_table.py

.PHONY: dashboards
dashboards: venv ## Write the Grafana dashboards from tests/tools/dashboard.yml
	python tests/tools/dashboards.py

.PHONY: format
format: venv ## Let ruff sort imports and mend what it can
	ruff check --fix .

.PHONY: constraints
constraints: venv ## Write tests/constraints.txt from the environment as it is now (CORE=newest: constraints-newest.txt)
	python tests/tools/constraints.py

.PHONY: galaxy-locks
galaxy-locks: venv ## Write the locks that the test bed builds Galaxy from (GALAXY="26.1.2 26.1.2-celery-newest")
	python tests/tools/galaxy_locks.py $(GALAXY)

.PHONY: clean
clean: ## Remove everything that was made in .cache (run demo-down first)
	rm -rf "$(CACHE)"

include tests/testbed/testbed.mk
