#!/usr/bin/env bash
# Takes the pictures of every page, light and dark, into docs/images.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/page.sh packages
cd frontend
exec node e2e/screenshots.mjs "$@"
