#!/usr/bin/env bash
# Builds the bundled plugins from plugins/src into plugins/bundled. Does
# nothing when they are newer than their sources.
set -euo pipefail
cd "$(dirname "$0")/.."

sdk=sdk/assemblyscript
for dir in plugins/src/*/; do
  name=$(basename "$dir")
  out=plugins/bundled/$name.wasm
  if [ -f "$out" ] && [ -z "$(find "$dir" "$sdk"/*.ts "$sdk/package-lock.json" -newer "$out" -print -quit)" ]; then
    continue
  fi
  if [ ! -x "$sdk/node_modules/.bin/asc" ]; then
    echo "plugins: installing the AssemblyScript compiler into $sdk/node_modules (npm ci)"
    (cd "$sdk" && npm ci --no-audit --no-fund --silent)
  fi
  echo "plugins: building $out"
  "$sdk/node_modules/.bin/asc" "plugins/src/$name/$name.ts" --outFile "$out" \
    -O3 --runtime stub --noAssert --exportStart _initialize
done
