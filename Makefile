# One command each. `make` alone lists them.
#
# local-federation-up and -smoke take PORT, UPSTREAM, RATE_LIMIT_PER_MINUTE, ENVOY_BIN, NONCES, STATE_DIR and DEMO,
# as Make arguments or from the environment (docs/local-federation.md).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export PORT UPSTREAM RATE_LIMIT_PER_MINUTE ENVOY_BIN NONCES STATE_DIR DEMO

FEDERATION := node dist/tools/local-federation/main.js
JEST := npm run -s jest --
# Most of them start an Envoy, a verifier and more: what two cores carry.
SUITES_AT_ONCE := 2
# Says for which package-lock.json node_modules was installed.
INSTALLED := node_modules/.installed-for

# Each is a script that prints the path of what it found or installed.
TOOLS := native envoy chromium redis softhsm faketime logrotate hadolint kustomize kubeconform kubernetes-schemas helm promtool prometheus versitygw litewitness log-oracle otlp-collector vault-transit ocsf-schemas
# What the suites of test/cluster run beside those. All of them together take a quarter of an hour to build.
CLUSTER_TOOLS := etcd kube-apiserver kubectl mesh-crds egctl istioctl istio-translator promtool

.PHONY: help install build typecheck lint format format-check validate \
	local-federation-up local-federation-down local-federation-smoke \
	native tools test test-newer-node verify-k8s bench soak fuzz sbom ci clean

help: ## list the commands
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 26

install: ## install the pinned packages, if they are not there
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); if (a < 20 || (a === 20 && b < 19)) { console.error("Node " + process.versions.node + " is too old: install 20.19 or newer"); process.exit(1); }'
	@lock=$$(cksum < package-lock.json); \
	if [ "$$(cat $(INSTALLED) 2>/dev/null || true)" != "$$lock" ]; then \
	  echo 'installing packages (npm ci)'; npm ci --prefer-offline --no-audit --no-fund --loglevel=error; echo "$$lock" > $(INSTALLED); \
	fi

build: install ## compile to dist/
	@echo 'compiling'; npm run -s build && npm run -s build:browser

typecheck: install ## check the types of sources, examples and tests
	@npm run -s typecheck

lint: install ## lint, and check that imports point one way
	@npm run -s lint

format: install ## format everything
	@npm run -s format

format-check: install ## check the format
	@npm run -s format:check

validate: build ## check the example configurations, and every Envoy file with a real Envoy
	@for file in test/unit/config/fixtures/good/*.yaml; do node dist/src/main.js check-config "$$file" > /dev/null && echo "good: $$file"; done
	@$(JEST) test/e2e/envoy-files.test.ts

local-federation-up: build ## start everything on this machine and show it at work
	@$(FEDERATION) up

local-federation-down: ## stop what local-federation-up started
	@if [ -f dist/tools/local-federation/main.js ]; then $(FEDERATION) down; else echo 'Nothing was built, so nothing runs.'; fi

local-federation-smoke: build ## the same round with an exit status; starts and stops what is not up
	@$(FEDERATION) smoke

native: ## build the optional engine of verification with Rust (docs/adr/0046-native-engine.md)
	@scripts/native.sh > /dev/null

tools: ## find or install the real parts that the tests run: Envoy, Redis, Chromium, kustomize and so on
	@for script in $(TOOLS); do scripts/$$script.sh > /dev/null || echo "$$script cannot be had here: its tests will say so" >&2; done

test: build tools ## run the whole suite: unit, property, contract, end to end through a real Envoy
	@$(JEST) --maxWorkers=$(SUITES_AT_ONCE) test

test-newer-node: build ## unit, property and contract tests on a newer Node from the package registry
	@scripts/newer-node.sh

verify-k8s: build tools ## every manifest, chart and policy through a real API server, and what the tools of the mesh say of them
	@for script in $(CLUSTER_TOOLS); do scripts/$$script.sh > /dev/null; done
	@$(JEST) --maxWorkers=$(SUITES_AT_ONCE) test/k8s
	@$(JEST) --maxWorkers=$(SUITES_AT_ONCE) --config test/cluster/jest.config.js

bench: build ## measure; figures are ratios within the run (docs/performance.md); PART=through-envoy or PART=growth measures that alone
	@node --expose-gc "dist/test/bench/$(or $(PART),main).js"

soak: build ## half of the measured capacity for SOAK_SECONDS (default: 1800), with memory and p99 plotted
	@node dist/test/soak/main.js

fuzz: build ## throw structured rubbish at every parser; SECONDS=600 and SEED=… by environment
	@$(JEST) --testMatch '**/test/fuzz/long.ts'

sbom: install ## the software bill of materials of what is shipped, as CycloneDX on standard output
	@scripts/sbom.sh

ci: ## everything that CI runs
	@.ci/run

clean: ## remove what was built; keys, state and caches stay
	@rm -rf dist native/*.node
