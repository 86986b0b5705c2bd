#!/bin/sh
# Builds the named development tools, at the versions pinned here, into
# .tools/bin of this repository. A tool that is already there at the right
# version, built by the Go in use, is left alone.
#
#   tools/install.sh versitygw staticcheck gofumpt golangci-lint
#
# go.mod pins all but golangci-lint, whose many dependencies have versions of
# their own in golangci-lint.mod.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=$(dirname "$here")/.tools/bin
all="versitygw, staticcheck, gofumpt, nfpm, golangci-lint"

# Sets the module of a tool, the package in it and the file that pins both.
find_tool() {
	pins=go.mod
	case $1 in
	versitygw) module=github.com/versity/versitygw package=$module/cmd/versitygw ;;
	staticcheck) module=honnef.co/go/tools package=$module/cmd/staticcheck ;;
	gofumpt) module=mvdan.cc/gofumpt package=$module ;;
	nfpm) module=github.com/goreleaser/nfpm/v2 package=$module/cmd/nfpm ;;
	golangci-lint)
		pins=golangci-lint.mod
		module=github.com/golangci/golangci-lint/v2 package=$module/cmd/golangci-lint
		;;
	*)
		echo "install.sh: no tool named \"$1\"; there are: $all" >&2
		exit 2
		;;
	esac
}

[ $# -gt 0 ] || { echo "usage: tools/install.sh NAME... ($all)" >&2; exit 2; }
command -v go >/dev/null || { echo "install.sh: Go is not on the PATH; install it from https://go.dev/dl/" >&2; exit 1; }
cd "$here"
go=$(go env GOVERSION)

for name in "$@"; do
	find_tool "$name"
	version=$(go list -mod=readonly -modfile="$pins" -m -f '{{.Version}}' "$module")
	built=$(go version -m "$bin/$name" 2>/dev/null | awk 'NR == 1 {go = $NF} $1 == "mod" {print $3, go}' || true)
	[ "$built" != "$version $go" ] || continue

	echo "building $name $version into $bin (once; it can take a minute or two)" >&2
	mkdir -p "$bin"
	part=$bin/.$name.$$
	trap 'rm -f "$part"' EXIT
	CGO_ENABLED=0 go build -mod=readonly -modfile="$pins" -buildvcs=false -trimpath -ldflags='-s -w' -o "$part" "$package"
	mv -f "$part" "$bin/$name"
done
