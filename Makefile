# The commands of this repository. Each installs what it needs first, and says
# so; scripts/ holds how.

.DEFAULT_GOAL := help
.PHONY: help setup build run test test-full flink kinesalite cfn-lint bench check package screenshots s3-demo clean

# The driver's Arrow interface is behind this tag. Every go command that make
# starts sees it, compiles alike (so that tests reuse what the build made), and
# works where there is no git.
export TIDEMARK_TAGS ?= duckdb_arrow
export GOFLAGS := $(strip $(GOFLAGS) -trimpath -buildvcs=false -tags=$(TIDEMARK_TAGS))

# The folder of the sample workspace.
DEMO ?= demo

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what building needs and this machine lacks
	@if [ "$$(scripts/desktop.sh)" = 1 ]; then scripts/setup.sh desktop; else scripts/setup.sh; fi

build: setup ## Build bin/tidemark, and its window where there can be one (DESKTOP=0 or 1 decides)
	@scripts/build.sh

run: build ## Write the sample workspace into demo/ (DEMO=DIR), pull it, and open the workbench on it
	@scripts/run.sh "$(DEMO)"

# Every test includes those of the window and of the page in a browser.
test test-full package: export DESKTOP = 1

test: build ## Run every test
	@scripts/setup.sh desktop browser plugins
	@plugins/build.sh
	@scripts/test.sh

test-full: build ## Every test under the race detector, more random cases, and every fuzzer for FUZZ_TIME (30s)
	@scripts/test-full.sh

flink: ## Install a whole Flink into .tools/flink, for the tests that run exported SQL
	@scripts/flink.sh

kinesalite: ## Install kinesalite into .tools/kinesalite, for the test of streams on an endpoint of others
	@scripts/kinesalite.sh

cfn-lint: ## Install cfn-lint into .tools/cfn-lint, for the test of exported templates
	@tools/cfn-lint.sh

bench: build ## Measure the hot paths against their references (BENCH_ARGS="-only query")
	@tools/install.sh versitygw
	@go run ./internal/bench $(BENCH_ARGS)

check: setup ## Check format, static analysis, modules, generated files and imports
	@scripts/check.sh

package: build ## Make a .deb and a tarball in dist/
	@scripts/package.sh

screenshots: build ## Take the pictures of every page into docs/images
	@scripts/setup.sh browser
	@scripts/screenshots.sh

s3-demo: build ## Serve the sample archive as a local S3 server, until Ctrl-C (PORT=9000)
	@scripts/s3-demo.sh "$(DEMO)" $(PORT)

clean: ## Remove what was built, but not the tools and the sample workspace
	@rm -rf bin dist .cache plugins/bundled/*.wasm plugins/bundled/*.json frontend/dist/assets frontend/dist/*.*
