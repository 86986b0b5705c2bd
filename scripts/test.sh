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

# steady runs packages' tests, and once more if some fail: those that passed are
# not run again, and what fails twice is a fault. What failed once is told again
# at the end, for it is a fault of the test or a rare one of the program.
unsteady=()
steady() {
	local log status=0
	log=$(mktemp)
	go test -timeout 45m "$@" 2>&1 | tee "$log" || status=$?
	if [ "$status" != 0 ] && grep -q '^FAIL' "$log"; then
		echo "test: some tests failed, and are run again" >&2
		status=0
		go test -timeout 45m "$@" || status=$?
		[ "$status" != 0 ] || mapfile -t -O "${#unsteady[@]}" unsteady < <(grep -E '^ *--- FAIL|^FAIL[[:space:]]' "$log")
	fi
	rm -f "$log"
	return "$status"
}

# shellcheck disable=SC2086 # package names have no spaces
steady "$@" $with || code=1
# shellcheck disable=SC2086
steady -race "$@" $without || code=1
# With flags only the Go tests are wanted.
[ $# -gt 0 ] || scripts/test-page.sh || code=1
[ "${#unsteady[@]}" = 0 ] || printf 'UNSTEADY: failed, then passed: %s\n' "${unsteady[@]}" >&2
exit $code
