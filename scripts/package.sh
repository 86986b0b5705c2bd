#!/usr/bin/env bash
# Makes dist/tidemark_VERSION_ARCH.deb and dist/tidemark_VERSION_linux_ARCH.tar.gz
# of bin/tidemark and bin/tidemark-window, its window.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(uname)" = Linux ] || {
	echo "package: a .deb and its tarball are made on Linux" >&2
	exit 1
}
tools/install.sh nfpm

ARCH=$(go env GOARCH)
VERSION=$(scripts/version.sh | sed 's/^v//; s/[^A-Za-z0-9.+~-]/-/g')
# A Debian version begins with a digit; what has no version yet is before all.
case $VERSION in [0-9]*) ;; *) VERSION=0.0.0~${VERSION:-unstamped} ;; esac
export ARCH VERSION

mkdir -p dist/completion
bin/tidemark completion bash >dist/completion/tidemark.bash
bin/tidemark completion zsh >dist/completion/_tidemark
bin/tidemark completion fish >dist/completion/tidemark.fish

.tools/bin/nfpm package --config packaging/nfpm.yaml --packager deb --target "dist/tidemark_${VERSION}_${ARCH}.deb"

name=tidemark_${VERSION}_linux_${ARCH}
rm -rf "dist/$name"
mkdir -p "dist/$name"
cp -r bin/tidemark bin/tidemark-window README.md LICENSE packaging/tidemark.desktop frontend/public/icon.svg frontend/icon.png dist/completion "dist/$name/"
tar -C dist --owner=0 --group=0 -czf "dist/$name.tar.gz" "$name"
rm -rf "dist/$name"
ls -l "dist/tidemark_${VERSION}_${ARCH}.deb" "dist/$name.tar.gz" >&2
