# Everything that is done to this repository. `make` alone lists the targets.
# Arguments (make local-federation-up PORT=9443) reach the programs as environment variables: Make exports them.
.DEFAULT_GOAL := help
.PHONY: help install build local-federation-up local-federation-down local-federation-smoke \
	test lint format typecheck bench validate-envoy ci

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-24s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  PORT=8443 UPSTREAM=http://127.0.0.1:9000 RATE_LIMIT_PER_MINUTE=120 ENVOY_BIN=... NONCES=lmdb|memory'
	@echo '  STATE_DIR=local_federation DEMO=0   tell local-federation-up and -smoke more; STATE_DIR tells -down.'

install: ## install the dependencies, if package-lock.json asks for others than are there
	@scripts/install.sh

build: install ## compile to dist/
	@npm run -s build

local-federation-up: ## start verifier, Envoy and upstream here, and show what passes and what does not
	@scripts/local-federation.sh up

local-federation-down: ## stop them
	@scripts/local-federation.sh down

local-federation-smoke: ## send everything once and exit with a status; the log is kept
	@scripts/local-federation.sh smoke

test: build ## all tests: unit, property, contract, end to end
	@scripts/envoy.sh
	@npm run -s jest

lint: install ## style, imports, formatting
	@npm run -s lint
	@npm run -s format:check

format: install ## write the formatting
	@npm run -s format

typecheck: install ## types of sources, tests and examples
	@npm run -s typecheck

bench: build ## measure, and write bench-results/latest.json
	@node dist/test/bench/main.js

validate-envoy: build ## every Envoy configuration, by Envoy itself
	@envoy=$$(scripts/envoy.sh | tail -n 1) && for file in envoy/*.yaml; do \
	  echo "$$file"; "$$envoy" --mode validate -l error -c "$$file" || exit 1; done

ci: lint typecheck validate-envoy test local-federation-smoke ## what a merge has to pass
