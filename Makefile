# Everything that you can do with a clone of warmkey; `make help` lists it. Needs only make and Python 3.11 to 3.14.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-print-directory
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

# The interpreter for all environments, found when first needed. To choose another: make test PYTHON=python3.13
PYTHON = $(eval PYTHON := $(shell tools/find_python.sh))$(PYTHON)

ARCHITECTURES := x86_64 arm64
HOST_ARCHITECTURE := $(patsubst aarch64,arm64,$(shell uname -m))
# full contains Powertools; core is for functions that get Powertools from elsewhere; crt contains awscrt too
VARIANTS := full core crt
VARIANT ?= full
HOST_LAYER := layer/warmkey-full-$(HOST_ARCHITECTURE).zip
HOST_LAYER_CORE := layer/warmkey-core-$(HOST_ARCHITECTURE).zip
HOST_LAYER_CRT := layer/warmkey-crt-$(HOST_ARCHITECTURE).zip
EMULATOR := build/aws-lambda-rie
NODE_PEER := tests/interop/node/node_modules
POLICY_SIMULATOR := tests/policy/node/node_modules

LIBRARY := $(shell find src/warmkey -name '*.py')
BUILDER := $(wildcard layer/*.py) pyproject.toml LICENSE $(wildcard requirements/layer*.txt)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z -]+:.*## / { printf "  %-13s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ------------------------------------------------------------------------------------------------- the two commands

.PHONY: demo
demo: .venv-demo/.installed ## run hundreds of records through a real Lambda runtime; DEMO_OPTIONS=--help lists options
	-@$(MAKE) runtime
	@PYTHONPATH=src .venv-demo/bin/python -m examples.demo $(DEMO_OPTIONS)

.PHONY: demo-fleet
FLEET := build/fleet
demo-fleet: .venv-demo/.installed .venv-docs/.installed ## count what a fleet asks with and without branch keys; takes minutes; FLEET_OPTIONS=--help
	@mkdir -p $(FLEET)
	@PYTHONPATH=src .venv-demo/bin/python -m examples.fleet --json $(FLEET)/fleet.json $(FLEET_OPTIONS)
	@.venv-docs/bin/python -m examples.fleet.picture $(FLEET)/fleet.json $(FLEET)/fleet.png

.PHONY: local
local: .venv-demo/.installed runtime ## run a handler of yours with the layer: HANDLER=path/app.handler EVENT=event.json
	@PYTHONPATH=src .venv-demo/bin/python -m examples.local $(HANDLER) $(if $(EVENT),--event $(EVENT)) $(LOCAL_OPTIONS)

.PHONY: test check
test check: static tests ## check style and types, and run the tests; CI also runs every-runtime, sam, cdk and release-check

# ------------------------------------------------------------------------------------------------- checking

.PHONY: static
static: lint types ## check style and types; run no tests

.PHONY: lint
lint: .venv-test/.installed
	.venv-test/bin/ruff check
	.venv-test/bin/ruff format --check

.PHONY: format
format: .venv-test/.installed ## let ruff format and fix
	.venv-test/bin/ruff check --fix-only
	.venv-test/bin/ruff format

.PHONY: types
types: .venv-test/.installed
	.venv-test/bin/mypy

.PHONY: tests
tests: .venv-test/.installed runtime runtimes $(HOST_LAYER_CORE) $(HOST_LAYER_CRT) ## run only the tests; PYTEST_OPTIONS="-k cache" selects some of them
	PYTHONHASHSEED=0 .venv-test/bin/python -m pytest -n auto --dist loadfile $(PYTEST_OPTIONS)

.PHONY: shuffled
shuffled: .venv-test/.installed ## the tests in random order, in several processes; PYTEST_OPTIONS=--randomly-seed=1 repeats an order
	PYTHONHASHSEED=0 .venv-test/bin/python -m pytest -p randomly -n auto $(PYTEST_OPTIONS)

.PHONY: coverage
coverage: .venv-test/.installed ## run the tests, and show lines and branches that they do not reach
	.venv-test/bin/python -m pytest --cov --cov-report=term-missing $(PYTEST_OPTIONS)

.PHONY: interop
interop: .venv-interop/.installed $(NODE_PEER)/.installed ## test the full matrix of messages exchanged with other clients
	.venv-interop/bin/python -m pytest -m interop tests/interop $(PYTEST_OPTIONS)

$(NODE_PEER)/.installed: tests/interop/node/package-lock.json
	@cd $(<D) && npm ci --silent --no-audit --no-fund --ignore-scripts && touch node_modules/$(@F) || \
		echo "the JavaScript client could not be installed; tests that need it will be skipped"

.PHONY: neighbours
neighbours: .venv-test/.installed runtime runtimes $(HOST_LAYER_CORE) ## test the layer with other copies of its packages, on every Python found here
	.venv-test/bin/python -m pytest -m "full or not full" tests/runtimes $(PYTEST_OPTIONS)

.PHONY: every-runtime
every-runtime: .venv-test/.installed runtime runtimes ## fetch the Pythons that this machine lacks, arm64 too, and run the layer on each
	.venv/bin/python -m tools.debian_pythons
	@$(MAKE) layer
	@.venv/bin/python -m layer.build --preview --out build/preview
	EVERY_RUNTIME=1 .venv-test/bin/python -m pytest -m "full or not full" tests/runtimes/test_every_runtime.py $(PYTEST_OPTIONS)

.PHONY: vectors
vectors: .venv-test/.installed ## write the vector files in tests/vectors again
	.venv-test/bin/python -m tests.vectors.write
	.venv-test/bin/python -m tests.vectors.write_sealed
	.venv-test/bin/python -m tests.vectors.write_signatures

.PHONY: vectors-official
vectors-official: .venv-test/.installed ## run the public test vectors of the AWS Encryption SDK that you have: DIR=PATH; VECTORS_OPTIONS=--help
	PYTHONPATH=src .venv-test/bin/python -m tools.official_vectors $(DIR) $(VECTORS_OPTIONS)

.PHONY: ledger
ledger: .venv-test/.installed ## write the ledger of requirements and docs/conformance.md again, from source and tests
	.venv-test/bin/python -m tools.conformance ledger

.PHONY: spec
spec: .venv-test/.installed ## compare the ledger with a checkout of the specification: SPEC=PATH; SPEC_OPTIONS=--help
	.venv-test/bin/python -m tools.conformance spec $(SPEC) $(SPEC_OPTIONS)

.PHONY: signatures
signatures: .venv-test/.installed ## compare both signature libraries on 100,000 damaged signatures; WYCHEPROOF=folder adds its vectors
	SIGNATURE_MUTATIONS=100000 WYCHEPROOF=$(WYCHEPROOF) .venv-test/bin/python -m pytest \
		tests/properties/test_signature_libraries.py tests/vectors/test_signature_vectors.py $(PYTEST_OPTIONS)

.PHONY: sam
sam: .venv-sam/.installed .venv/.installed .venv-test/.installed ## validate, lint and build the SAM template
	.venv-test/bin/python -m pytest -m sam tests/layer $(PYTEST_OPTIONS)

.PHONY: cdk
cdk: .venv-cdk/.installed .venv-test/.installed ## synthesize the documented AWS CDK stack; needs node
	.venv-test/bin/python -m pytest -m cdk tests/layer $(PYTEST_OPTIONS)

.PHONY: simulate
simulate: .venv-test/.installed $(POLICY_SIMULATOR)/.installed ## ask a policy simulator for a second opinion on `warmkey policy`; needs node and npm
	.venv-test/bin/python -m pytest -m simulate tests/policy $(PYTEST_OPTIONS)

$(POLICY_SIMULATOR)/.installed: tests/policy/node/package-lock.json
	@cd $(<D) && npm ci --silent --no-audit --no-fund --ignore-scripts && touch node_modules/$(@F) || \
		echo "the policy simulator could not be installed; its tests will be skipped"

.PHONY: fuzz
fuzz: .venv-fuzz/.installed ## fuzz what strangers can send, guided by coverage; FUZZ_OPTIONS=--help lists targets and options
	PYTHONPATH=src .venv-fuzz/bin/python -m fuzz $(FUZZ_OPTIONS)

.PHONY: mutants
mutants: .venv-test/.installed ## break the library in many places, and list what no test notices; takes hours; MUTANTS_OPTIONS=--help
	PYTHONHASHSEED=0 .venv-test/bin/python -m tools.mutants $(MUTANTS_OPTIONS)

.PHONY: soak
soak: .venv-interop/.installed ## run everything at once for a minute, and check that all counts agree; SOAK_OPTIONS=--help
	PYTHONPATH=src .venv-interop/bin/python -m tests.stress.soak $(SOAK_OPTIONS)

# ------------------------------------------------------------------------------------------------- measuring

.PHONY: bench bench-full bench-check bench-against performance
bench: .venv-interop/.installed ## compare with the official client and the floor; takes minutes
	-@$(MAKE) runtime
	PYTHONPATH=src .venv-interop/bin/python -m benchmarks $(BENCH_OPTIONS)

bench-full: .venv-interop/.installed ## the same with more sizes and rounds, import times and frame lengths
	-@$(MAKE) runtime
	PYTHONPATH=src .venv-interop/bin/python -m benchmarks --full $(BENCH_OPTIONS)

bench-check: .venv-interop/.installed ## fail if a promised ratio is missed; run by hand, never in CI
	-@$(MAKE) runtime
	PYTHONPATH=src .venv-interop/bin/python -m benchmarks --check $(BENCH_OPTIONS)

# Version 0.1.0.
REVISION ?= 6373e5d

bench-against: .venv-interop/.installed ## compare with another REVISION of warmkey, as ratios
	PYTHONPATH=src .venv-interop/bin/python -m benchmarks.against $(REVISION) $(BENCH_OPTIONS)

performance: .venv-docs/.installed .venv-interop/.installed ## run the full measurement, then update docs/performance.md
	-@$(MAKE) runtime
	-@$(MAKE) layer VARIANT=crt
	PYTHONPATH=src .venv-interop/bin/python -m benchmarks --full --json docs/performance.json
	.venv-docs/bin/python -m benchmarks.page

.PHONY: choosing-limits
choosing-limits: .venv-test/.installed ## run the commands in docs/choosing-limits.md again, and draw its pictures
	PYTHONPATH=src .venv-test/bin/python -m examples.plan.page

METRICS := build/metrics.jsonl

.PHONY: dashboard
dashboard: .venv-docs/.installed .venv-demo/.installed ## draw the panels of the dashboard from the demo's metrics
	-@$(MAKE) runtime
	@mkdir -p $(dir $(METRICS))
	PYTHONPATH=src .venv-demo/bin/python -m examples.demo --metrics $(METRICS) $(DEMO_OPTIONS)
	.venv-docs/bin/python -m examples.dashboard $(METRICS) $(DASHBOARD_OPTIONS)

# ------------------------------------------------------------------------------------------------- shipping

.PHONY: layer
layer: .venv/.installed ## build the layer for each architecture; VARIANT=core omits Powertools, VARIANT=crt adds awscrt
	@.venv/bin/python -m layer.build --variant $(VARIANT) $(ARCHITECTURES:%=--architecture %)

layer/warmkey-full-%.zip: $(LIBRARY) $(BUILDER) | .venv/.installed
	@.venv/bin/python -m layer.build --variant full --architecture $*

layer/warmkey-core-%.zip: $(LIBRARY) $(BUILDER) | .venv/.installed
	@.venv/bin/python -m layer.build --variant core --architecture $*

layer/warmkey-crt-%.zip: $(LIBRARY) $(BUILDER) | .venv/.installed
	@.venv/bin/python -m layer.build --variant crt --architecture $*

.PHONY: layers
layers: .venv/.installed ## all variants of it
	@for variant in $(VARIANTS); do $(MAKE) layer VARIANT=$$variant || exit 1; done

.PHONY: publish
publish: .venv-runtime/.installed $(foreach variant,$(VARIANTS),$(ARCHITECTURES:%=layer/warmkey-$(variant)-%.zip)) ## say what publishing the layers would do; PUBLISH_OPTIONS="--region eu-west-1 ... --publish" does it
	.venv-runtime/bin/python -m tools.publish_layer $(PUBLISH_OPTIONS)

.PHONY: site
site: .venv-site/.installed .venv-test/.installed ## the documentation site in build/site, with its links checked
	.venv-site/bin/python -m tools.build_site $(SITE_OPTIONS)
	.venv-test/bin/python -m pytest -q -m site tests/tools $(PYTEST_OPTIONS)

.PHONY: links
links: .venv-site/.installed ## ask for every link of the documentation to another site; needs the internet
	.venv-site/bin/python -m tools.check_links

.PHONY: dist
dist: .venv-release/.installed ## wheel and sdist, the same bytes from the same sources
	.venv-release/bin/python -m tools.build_dist $(DIST_OPTIONS)

.PHONY: release-check
release-check: .venv-release/.installed .venv-test/.installed tests/workflows/node/node_modules/.installed ## build, try and lint what is released
	.venv-test/bin/python -m tools.check_release $(TAG)
	.venv-test/bin/python -m pytest -m release tests $(PYTEST_OPTIONS)

tests/workflows/node/node_modules/.installed: tests/workflows/node/package-lock.json
	@cd tests/workflows/node && npm ci --silent --no-audit --no-fund --ignore-scripts && touch node_modules/.installed

.PHONY: refresh audit
refresh: .venv/.installed .venv-release/.installed ## pin the newest versions, say what changed, and audit them
	.venv/bin/python -m tools.refresh_pins $(abspath .venv/bin/uv) $(abspath .venv-release/bin/pip-audit)

audit: .venv-release/.installed ## look the pins up in a database of vulnerabilities; AUDIT_OPTIONS=--strict wants an answer for each
	.venv-release/bin/python -m tools.audit $(abspath .venv-release/bin/pip-audit) $(AUDIT_OPTIONS)

.PHONY: runtime
runtime: .venv-runtime/.installed $(EMULATOR) $(HOST_LAYER) ## prepare to run the layer for this machine as Lambda would

.PHONY: runtimes
runtimes: .venv/.installed ## the same for every supported Python on this machine
	@.venv/bin/python -m tools.runtime_environments

$(EMULATOR): requirements/emulator.txt | .venv/.installed
	.venv/bin/python tools/fetch_emulator.py $< $@

# ------------------------------------------------------------------------------------------------- environments

SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))

.venv/.installed: requirements/uv.txt
	@$(or $(PYTHON),false) -c '$(SUPPORTED)' || { echo "PYTHON must be a Python 3.11 to 3.14, not '$(PYTHON)'" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install -qq --require-hashes --only-binary :all: -r $< || echo "uv could not be installed; using pip"
	@touch $@

.venv-%/.installed: requirements/%.txt | .venv/.installed
	@tools/environment.sh $* $(PYTHON)

.PHONY: requirements
requirements: .venv/.installed ## pin the groups of pyproject.toml again; UPGRADE=--upgrade for newer versions
	tools/compile_requirements.sh $(abspath .venv/bin/uv) $(UPGRADE)

.PHONY: clean
clean: ## remove everything that make has created
	rm -rf .venv .venv-* build dist .aws-sam layer/*.zip src/*.egg-info $(NODE_PEER) $(POLICY_SIMULATOR) tests/workflows/node/node_modules
	rm -rf .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
