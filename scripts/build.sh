#!/usr/bin/env bash
# Builds bin/tidemark: the bundled plugins and the page first, then the program
# that carries them. Where there can be a window, its program is
# bin/tidemark-window: what it links would slow down every other command.
set -euo pipefail
cd "$(dirname "$0")/.."

plugins/build.sh
scripts/page.sh

version=$(scripts/version.sh)
go build -trimpath -buildvcs=false -tags "${TIDEMARK_TAGS:-duckdb_arrow}" \
	-ldflags "-s -w -X tidemark.dev/tidemark/app/cli.stamp=$version" -o bin/tidemark .
echo "built bin/tidemark ${version:-(no git: not stamped)}" >&2

# A window of an earlier build would not be this one's.
rm -f bin/tidemark-window
if [ "$(scripts/desktop.sh)" = 1 ]; then
	go build -trimpath -buildvcs=false -tags desktop,production,webkit2_41 -ldflags "-s -w" -o bin/tidemark-window ./app/desktop/window
	echo "built bin/tidemark-window, the window of tidemark app" >&2
else
	echo "no window was built: DESKTOP=1 builds it" >&2
fi
