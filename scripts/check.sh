#!/usr/bin/env bash
# Everything about the source that a machine can judge without running it.
# Every check runs, and the exit code is 1 if one of them found something.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=()
check() { # check NAME COMMAND...
	local name=$1
	shift
	echo "check: $name" >&2
	"$@" || failed+=("$name")
}

# go vet and gofumpt are among the linters.
lint() {
	# The window is behind tags of its own, and needs its libraries.
	[ "$(scripts/desktop.sh)" = 0 ] ||
		.tools/bin/golangci-lint run --build-tags duckdb_arrow,desktop,production,webkit2_41 ./app/desktop/... || return 1
	.tools/bin/golangci-lint run ./... || {
		echo "  .tools/bin/golangci-lint fmt puts right what is about format" >&2
		return 1
	}
}

tidy() {
	local dir ok=0
	for dir in . tools internal/bench/extism; do
		(cd "$dir" && go mod tidy -diff >/dev/null) || {
			echo "  go.mod or go.sum in $dir is not tidy; run: (cd $dir && go mod tidy)" >&2
			ok=1
		}
	done
	return $ok
}

shell() {
	local file
	for file in scripts/*.sh tools/*.sh plugins/*.sh .ci/*; do
		[ ! -e "$file" ] || bash -n "$file" || return 1
	done
}

# snapshot writes the content and the name of every file that git knows or
# would know, a line each.
snapshot() {
	local files
	files=$(git ls-files --cached --others --exclude-standard | while read -r f; do [ ! -f "$f" ] || echo "$f"; done)
	paste -d ' ' <(git hash-object --stdin-paths <<<"$files") <(echo "$files")
}

generated() {
	git rev-parse --is-inside-work-tree >/dev/null 2>&1 || {
		echo "  needs git to see what go generate changes: not checked" >&2
		return 0
	}
	local before after
	before=$(snapshot)
	go generate ./... || return 1
	(cd frontend && npm run --silent api >/dev/null) || return 1
	after=$(snapshot)
	[ "$before" = "$after" ] || {
		echo "  go generate and npm run api change these files; commit what they make:" >&2
		diff <(echo "$before") <(echo "$after") | sed -n 's/^[<>] [0-9a-f]* /    /p' | sort -u >&2
		return 1
	}
}

imports() { go test ./internal/imports; }

page() { (cd frontend && npm run --silent check); }

tools/install.sh golangci-lint
# The linters type-check the whole program, and it embeds the bundled plugins.
plugins/build.sh
scripts/page.sh packages

check "format, vet and static analysis" lint
check "go.mod" tidy
check "shell scripts" shell
check "generated files" generated
check "direction of imports" imports
check "types of the page" page

if [ ${#failed[@]} -gt 0 ]; then
	printf 'check: failed: %s\n' "${failed[@]}" >&2
	exit 1
fi
echo "check: all well" >&2
