#!/usr/bin/env bash
# Serves the archive of the sample workspace as a local S3 server, writing the
# workspace first if it is not there.
#
#   scripts/s3-demo.sh DIR [PORT]
set -euo pipefail
cd "$(dirname "$0")/.."
demo=${1:?usage: s3-demo.sh DIR [PORT]}

[ -e "$demo/tidemark.yaml" ] || bin/tidemark demo "$demo"
exec tools/serve-s3.sh "$demo/data" "${@:2}"
