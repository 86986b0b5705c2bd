#!/usr/bin/env bash
# Runs every test. The race detector is on wherever DuckDB is not linked in;
# make test-full turns it on everywhere.
#
#   scripts/test.sh [GO TEST FLAG...]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/testing.sh

tools/install.sh versitygw

# The same random cases each time, so that a change is judged by what it
# changed; make test-full draws new ones (RAPID_SEED=0 does here).
export RAPID_SEED=${RAPID_SEED:-1}

with=$(packages_with_duckdb)
without=$(go list ./... | grep -vxF "$with")
code=0
# shellcheck disable=SC2086 # package names have no spaces
go test -timeout 45m "$@" $with || code=1
# shellcheck disable=SC2086
go test -timeout 45m -race "$@" $without || code=1
# With flags only the Go tests are wanted.
[ $# -gt 0 ] || scripts/test-page.sh || code=1
exit $code
