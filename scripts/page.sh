#!/usr/bin/env bash
# Builds the page into frontend/dist. Does nothing when that is newer than its
# sources.
set -euo pipefail
cd "$(dirname "$0")/../frontend"

# The marker is written last: npm ci that was interrupted runs again.
marker=node_modules/.installed
if [ ! -e "$marker" ] || [ package-lock.json -nt "$marker" ]; then
	echo "page: installing its packages into frontend/node_modules (npm ci)" >&2
	npm ci --no-audit --no-fund --silent
	touch "$marker"
fi
[ "${1:-}" != packages ] || exit 0

if [ -f dist/index.html ] && [ -z "$(find src public index.html vite.config.ts svelte.config.js package-lock.json -newer dist/index.html -print -quit)" ]; then
	exit 0
fi
echo "page: building frontend/dist" >&2
npm run --silent build -- --logLevel warn
