# Sourced by the scripts that run tests: which packages are which, and where
# the files of other projects' test suites lie.

# Tests read them when they are at hand, and say so when they are not.
if [ -z "${TIDEMARK_CORPUS:-}" ] && [ -d ../shared/corpus ]; then
	TIDEMARK_CORPUS=$(cd ../shared/corpus && pwd)
fi
[ -z "${TIDEMARK_CORPUS:-}" ] || export TIDEMARK_CORPUS

# packages_with_duckdb lists the packages whose test binary links DuckDB.
packages_with_duckdb() {
	go list -test -f '{{if .ForTest | not}}{{.ImportPath}} {{join .Deps " "}}{{end}}' ./... |
		awk '$1 ~ /\.test$/ && / github\.com\/duckdb\/duckdb-go\/v2( |$)/ {sub(/\.test$/, "", $1); print $1}'
}

# packages_with_rapid lists the packages that have property tests.
packages_with_rapid() {
	go list -f '{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}' ./... |
		awk '/ pgregory\.net\/rapid( |$)/ {print $1}'
}

# list_fuzzers lists "package fuzzer" for every fuzz test.
list_fuzzers() {
	go list -f '{{$p := .ImportPath}}{{$d := .Dir}}{{range .TestGoFiles}}{{$p}} {{$d}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$p}} {{$d}}/{{.}}{{"\n"}}{{end}}' ./... |
		while read -r package file; do
			[ -z "$file" ] || sed -n "s|^func \(Fuzz[A-Za-z0-9_]*\)(.*|$package \1|p" "$file"
		done
}
