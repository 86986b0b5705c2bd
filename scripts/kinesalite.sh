#!/usr/bin/env bash
# Installs kinesalite into .tools/kinesalite: an endpoint for Kinesis that others
# wrote, and the second opinion of a test. Needs Node.js and npm.
#
#   scripts/kinesalite.sh
set -euo pipefail
cd "$(dirname "$0")/.."

readonly version=3.3.3 dir=.tools/kinesalite

[ "$(cat "$dir/version" 2>/dev/null || true)" != "$version" ] || exit 0
mkdir -p "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" "kinesalite@$version" >&2
echo "$version" >"$dir/version"
