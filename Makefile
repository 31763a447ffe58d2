# make demo and make test each do all of their own set-up; `make help` lists the rest.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RELEASE := .cache/release
PURE := tests --ignore=tests/real
# Laws over whole lives of jobs: a part of their schedules is quick, all of them run beside tests that mostly wait for daemons.
LAWS_OF_LIVES := tests/plan/test_laws.py tests/plan/test_admitted.py tests/master/test_world.py

MADE_LOG := .cache/made-beside.log
LAWS_LOG := .cache/laws.log

.PHONY: help demo test check pure lint real environments test-frameworks test-rare kubernetes laws fuzz chaos mutants bench crds dashboards manifests proto release audit lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 18

demo: $(STAMP) ## a real training on a real one-machine Hadoop, with a worker killed on the way
	@$(BIN)/python examples/demo.py

# Go and the frameworks take minutes the first time, so they are made while all else goes on; tests that need them wait for them.
test: $(STAMP) ## everything: the quick checks, then the tests on real daemons
	@tools/prerequisites tests
	@mkdir -p $(dir $(MADE_LOG))
	@setsid sh -c '$(MAKE) -s -j2 environments kubernetes >$(MADE_LOG) 2>&1 || { cat $(MADE_LOG) >&2; exit 1; }' & making=$$!; \
	trap 'kill -- -$$making 2>/dev/null' EXIT; trap 'exit 130' INT TERM; \
	$(MAKE) --no-print-directory check real && wait $$making

# Tests on daemons mostly wait for them: the laws have the time that they leave.
real: $(STAMP) ## the tests on real daemons, and all schedules of the laws
	@tools/prerequisites tests
	@mkdir -p $(dir $(LAWS_LOG))
	@TRAINMASTER_THOROUGH=1 nice -n 19 $(BIN)/pytest -q $(LAWS_OF_LIVES) >$(LAWS_LOG) 2>&1 & laws=$$!; \
	trap 'kill $$laws 2>/dev/null' EXIT; trap 'exit 130' INT TERM; \
	$(BIN)/pytest -q -n auto --dist loadgroup --durations=25 tests/real || exit $$?; \
	if wait $$laws; then tail -n 1 $(LAWS_LOG); else cat $(LAWS_LOG); exit 1; fi

environments: $(STAMP) ## what the examples train with
	@$(BIN)/python examples/environments.py tensorflow torch xgboost jax digits

test-frameworks: $(STAMP) ## a training of every framework on real YARN, each with a process killed
	$(BIN)/python examples/environments.py tensorflow tensorflow1 torch xgboost jax mpi mxnet horovod spark digits
	TRAINMASTER_ALL_FRAMEWORKS=1 $(BIN)/pytest -q tests/real/test_examples.py tests/real/test_frameworks.py tests/real/test_torchrun.py tests/real/test_side_by_side.py tests/real/test_starters.py

test-rare: $(STAMP) ## the slow tests on real daemons for which quicker ones stand in `make test`
	TRAINMASTER_RARE=1 $(BIN)/pytest -q -n auto --dist loadgroup --durations=25 tests/real

check: $(STAMP) ## the quick part: lint, types, rooms, generated files, pure tests
	@$(MAKE) --no-print-directory -j2 pure lint

pure: $(STAMP) ## the pure tests
	$(BIN)/pytest -q -n 2 $(PURE)

lint: $(STAMP) ## lint, types, rooms, generated files
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache
	$(BIN)/python -m trainmaster.cli.generate --check
	$(BIN)/python -m dashboards --check

laws: $(STAMP) ## 100,000 schedules of the laws, in an hour at most; one alone with LAWS="--seed N"
	@cd tests && PYTHONPATH=../controller:. nice ../$(BIN)/python -m plan.hunt $(LAWS)

fuzz: $(STAMP) ## 100,000 cases for each reader of what others send, in an hour at most; goes on where it stopped. CASES=1000 MINUTES=5 FUZZ="yaml --afresh"
	@cd tests && PYTHONPATH=../controller:. nice -n 19 ../$(BIN)/python -m fuzz.run $(FUZZ) --cases $(or $(CASES),100000) --minutes $(or $(MINUTES),60)

chaos: $(STAMP) ## twenty jobs train for ten minutes while everything around them breaks; with CHAOS="--seconds 60 --jobs 4 --seed 2"
	@cd tests && PYTHONPATH=../controller:. ../$(BIN)/python -m chaos $(CHAOS)

mutants: $(STAMP) ## which small changes of the sources no test notices; with MODULES="plan/turns.py cli" MINUTES=20 SEED=1
	@cd tests && PYTHONPATH=. nice -n 19 ../$(BIN)/python -m mutants.run $(MODULES) --minutes $(or $(MINUTES),20) --seed $(or $(SEED),1)

kubernetes: $(STAMP) ## build the local Kubernetes, and the programs that judge manifests
	@PYTHONPATH=tests $(BIN)/python -m real.tools

bench: $(STAMP) ## the benchmarks, side by side with YARN Services
	$(BIN)/python -m bench

crds: $(STAMP) ## write crds/ and docs/reference/ from the models
	$(BIN)/python -m trainmaster.cli.generate

dashboards: $(STAMP) ## write Grafana's dashboards into the chart and manifests/
	@$(BIN)/python -m dashboards

manifests: $(STAMP) ## write manifests/base/trainmaster.yaml from the chart
	@PYTHONPATH=tests $(BIN)/python -m real.shipping.chart

proto: $(STAMP) ## compile controller/trainmaster/hadoop/proto
	$(BIN)/python -m grpc_tools.protoc -I controller --python_out=controller --pyi_out=controller controller/trainmaster/hadoop/proto/*.proto

release: $(RELEASE)/.installed ## dist/: wheel, source archive, chart, definitions, SBOM and SHA256SUMS of what is committed
	@$(RELEASE)/bin/python tools/release

# --strict: a package of which the database tells nothing is no package without faults.
audit: $(RELEASE)/.installed ## ask PyPI's database of advisories about everything that is locked
	@for lock in requirements.txt requirements-build.txt requirements-dev.txt requirements-release.txt; do \
	  echo "$$lock:"; \
	  $(RELEASE)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r $$lock \
	  || { echo "$$lock: not cleared: what is listed above has faults, or the database at pypi.org could not be asked about it" >&2; exit 1; }; \
	done

lock: ## pin what pyproject.toml asks for, with hashes
	$(PYTHON) -m venv $(VENV) && $(BIN)/pip install -q uv==0.13.9
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group dev pyproject.toml -o requirements-dev.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group build -o requirements-build.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group release -o requirements-release.txt

clean: ## remove what was made here; caches of the user stay
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis bench/out dist

$(RELEASE)/.installed: requirements-release.txt
	$(PYTHON) -m venv $(RELEASE)
	$(RELEASE)/bin/pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-release.txt
	@touch $@

$(STAMP): requirements-dev.txt pyproject.toml
	@tools/prerequisites
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with PYTHON=..." >&2; exit 69; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
