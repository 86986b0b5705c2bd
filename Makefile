# The commands of this repository. Each installs what it needs first, and says
# so; scripts/ holds how.

.DEFAULT_GOAL := help
.PHONY: help setup build run test test-full bench check s3-demo clean

# The driver's Arrow interface is behind this tag. Every go command that make
# starts sees it, compiles alike (so that tests reuse what the build made), and
# works where there is no git.
export TIDEMARK_TAGS ?= duckdb_arrow
export GOFLAGS := $(strip $(GOFLAGS) -trimpath -buildvcs=false -tags=$(TIDEMARK_TAGS))

# The folder of the sample workspace.
DEMO ?= demo

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what building and testing need and this machine lacks
	@scripts/setup.sh

build: setup ## Build bin/tidemark
	@scripts/build.sh

run: build ## Write the sample workspace into demo/ (DEMO=DIR), pull it, show what it holds
	@scripts/run.sh "$(DEMO)"

test: build ## Run every test
	@scripts/test.sh

test-full: build ## Every test under the race detector, more random cases, and every fuzzer for FUZZ_TIME (30s)
	@scripts/test-full.sh

bench: build ## Measure the hot paths against their references (BENCH_ARGS="-only query")
	@tools/install.sh versitygw
	@go run ./internal/bench $(BENCH_ARGS)

check: setup ## Check format, static analysis, modules, generated files and imports
	@scripts/check.sh

s3-demo: build ## Serve the sample archive as a local S3 server, until Ctrl-C (PORT=9000)
	@scripts/s3-demo.sh "$(DEMO)" $(PORT)

clean: ## Remove what was built, but not the tools and the sample workspace
	@rm -rf bin dist .cache plugins/bundled/*.wasm
