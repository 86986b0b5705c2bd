#!/usr/bin/env bash
# Tests the page: its parts by themselves, all of it in Chromium against
# bin/tidemark, and in the window on a display of its own.
#
#   scripts/test-page.sh
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/page.sh packages
cd frontend
code=0
npm run --silent test || code=1
node e2e/run.mjs || code=1
if [ "$(uname)" = Linux ]; then
	node e2e/window.mjs || code=1
	(cd .. && go test -tags duckdb_arrow,desktop,production,webkit2_41 ./app/desktop/...) || code=1
else
	echo "test-page: SKIPPED the window: it is tested on a display of its own, which only Linux has" >&2
fi
exit $code
