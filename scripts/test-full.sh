#!/usr/bin/env bash
# Runs what is too slow for every change: all tests under the race detector,
# property tests with many cases, and every fuzzer for a while.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/testing.sh

readonly fuzz_time=${FUZZ_TIME:-30s} rapid_checks=${RAPID_CHECKS:-2000}

tools/install.sh versitygw

# Exported SQL runs on a real Flink where one can be had.
scripts/flink.sh || echo "SKIPPED: Flink cannot be installed here, so exported SQL is not run" >&2
# Streams are tailed on an endpoint of others, too, where npm can be had.
scripts/kinesalite.sh || echo "SKIPPED: kinesalite cannot be installed here, so only our own endpoint is tailed" >&2

# Exported templates go through CloudFormation's linter where PyPI can be had.
tools/cfn-lint.sh || echo "SKIPPED: cfn-lint cannot be installed here" >&2

go test -timeout 60m -race -count=1 ./...

if [ "$(uname)" = Linux ]; then
	scripts/setup.sh desktop browser wayland
	TIDEMARK_WAYLAND=1 node frontend/e2e/window.mjs
fi

echo "a tail killed 100 times" >&2
TIDEMARK_KILLS=100 go test -timeout 60m -count=1 -run '^TestTailKilled$' .

echo "property tests, $rapid_checks cases each" >&2
# shellcheck disable=SC2046 # package names have no spaces
go test -timeout 60m -count=1 $(packages_with_rapid) -rapid.checks="$rapid_checks"

# fuzz runs one fuzzer. When its time is over Go 1.26 may report its own
# deadline as a failure (go.dev/issue/75804); that alone is none, for whatever a
# fuzzer finds it writes down. Little time goes into making inputs shorter: by
# default that may use up all of it.
fuzz() {
	local log status=0
	log=$(mktemp)
	go test "$1" -run '^$' -fuzz "^$2\$" -fuzztime "$fuzz_time" -fuzzminimizetime 100x </dev/null 2>&1 | tee "$log" || status=$?
	if [ "$status" != 0 ] && only_deadline "$log"; then
		echo "$2: its time ended during a run, nothing was found" >&2
		status=0
	fi
	rm -f "$log"
	return "$status"
}

only_deadline() {
	grep -qE '^ +context deadline exceeded$' "$1" && ! grep -qiE 'failing input|panic|_test\.go:[0-9]+' "$1"
}

fuzzers=$(list_fuzzers)
failed=()
while read -r package fuzzer; do
	echo "$fuzzer of $package for $fuzz_time" >&2
	fuzz "$package" "$fuzzer" || failed+=("$package.$fuzzer")
done <<<"$fuzzers"
if [ "${#failed[@]}" -gt 0 ]; then
	printf 'failed: %s\n' "${failed[@]}" >&2
	exit 1
fi
