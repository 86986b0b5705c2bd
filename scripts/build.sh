#!/usr/bin/env bash
# Builds bin/tidemark: the bundled plugins and the page first, then the program
# that carries them.
set -euo pipefail
cd "$(dirname "$0")/.."

plugins/build.sh
scripts/page.sh

tags=${TIDEMARK_TAGS:-duckdb_arrow}
version=$(scripts/version.sh)
window="without a window"
if [ "$(scripts/desktop.sh)" = 1 ]; then
	tags=$tags,desktop,production,webkit2_41
	window="with its window"
fi
go build -trimpath -buildvcs=false -tags "$tags" \
	-ldflags "-s -w -X tidemark.dev/tidemark/app/cli.stamp=$version" -o bin/tidemark .
echo "built bin/tidemark ${version:-(no git: not stamped)}, $window" >&2
