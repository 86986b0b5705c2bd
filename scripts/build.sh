#!/usr/bin/env bash
# Builds bin/tidemark: the bundled plugins first, then the program that carries
# them.
set -euo pipefail
cd "$(dirname "$0")/.."

plugins/build.sh

tags=${TIDEMARK_TAGS:-duckdb_arrow}
version=$(scripts/version.sh)
go build -trimpath -buildvcs=false -tags "$tags" \
	-ldflags "-s -w -X tidemark.dev/tidemark/app/cli.stamp=$version" -o bin/tidemark .
echo "built bin/tidemark ${version:-(no git: not stamped)}" >&2
