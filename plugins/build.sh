#!/usr/bin/env bash
# Builds the bundled plugins from plugins/src into plugins/bundled, those that
# are older than their sources. One whose compiler is missing is left out,
# loudly; scripts/setup.sh plugins installs all of them.
set -euo pipefail
cd "$(dirname "$0")/.."

stale=()
for dir in plugins/src/*/; do
  name=$(basename "$dir")
  out=plugins/bundled/$name.json
  if [ ! -f "$out" ] || [ -n "$(find "$dir" sdk plugins/build -type f -not -path '*/node_modules/*' -newer "$out" -print -quit)" ]; then
    stale+=("$name")
  fi
done
[ ${#stale[@]} -gt 0 ] || exit 0

if [ ! -x sdk/assemblyscript/node_modules/.bin/asc ] && command -v npm >/dev/null; then
  echo "plugins: installing the AssemblyScript compiler into sdk/assemblyscript/node_modules (npm ci)" >&2
  (cd sdk/assemblyscript && npm ci --no-audit --no-fund --silent) || echo "plugins: npm could not" >&2
fi
go run ./plugins/internal/bundle "${stale[@]}"
