#!/bin/sh
# Serves a folder as a local S3 server, until Ctrl-C: each folder in DIR is a
# bucket, and the files in that are its objects. It listens on this machine
# only. What is written through it lands in DIR.
#
#   tools/serve-s3.sh DIR [PORT]
set -eu

[ $# -ge 1 ] && [ $# -le 2 ] || { echo "usage: tools/serve-s3.sh DIR [PORT]" >&2; exit 2; }
[ -d "$1" ] || { echo "serve-s3.sh: there is no folder $1" >&2; exit 1; }
tools=$(cd "$(dirname "$0")" && pwd)
dir=$(cd "$1" && pwd)
port=${2:-9000}

"$tools/install.sh" versitygw
bin=$(dirname "$tools")/.tools
# ETags and the like are kept here rather than in DIR.
meta=$bin/s3/$(printf %s "$dir" | cksum | tr ' ' '-')
mkdir -p "$meta"

export ROOT_ACCESS_KEY=tidemark ROOT_SECRET_KEY=tidemark-local-secret

cat <<END
Serving $dir as an S3 server on http://127.0.0.1:$port (Ctrl-C ends it).

In the shell that runs tidemark:
  export AWS_ACCESS_KEY_ID=$ROOT_ACCESS_KEY AWS_SECRET_ACCESS_KEY=$ROOT_SECRET_KEY

Below sources: in tidemark.yaml:
END
found=no
for bucket in "$dir"/*/; do
	[ -d "$bucket" ] || continue
	found=yes
	name=$(basename "$bucket")
	echo "  $name: {type: s3, url: \"s3://$name/\", endpoint: \"http://127.0.0.1:$port\", path_style: true, dataset: $name}"
done
[ $found = yes ] || echo "  (there is no folder in $dir yet, so there is no bucket)"
echo

exec "$bin/bin/versitygw" --port "127.0.0.1:$port" --region us-east-1 --keep-alive --quiet \
	posix --bucketlinks --sidecar "$meta" "$dir"
