#!/usr/bin/env bash
# Runs what is too slow for every change: all tests under the race detector,
# property tests with many cases, and every fuzzer for a while.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/testing.sh

readonly fuzz_time=${FUZZ_TIME:-30s} rapid_checks=${RAPID_CHECKS:-2000}

tools/install.sh versitygw

go test -timeout 60m -race -count=1 ./...

echo "property tests, $rapid_checks cases each" >&2
# shellcheck disable=SC2046 # package names have no spaces
go test -timeout 60m -count=1 $(packages_with_rapid) -rapid.checks="$rapid_checks"

list_fuzzers | while read -r package fuzzer; do
	echo "$fuzzer for $fuzz_time" >&2
	go test "$package" -run '^$' -fuzz "^$fuzzer\$" -fuzztime "$fuzz_time" </dev/null
done
