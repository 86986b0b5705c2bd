#!/bin/sh
# Builds the named development tools, at the versions tools/go.mod pins, into
# .tools/bin of this repository. A tool that is already there at the right
# version, built by the Go in use, is left alone.
#
#   tools/install.sh versitygw staticcheck gofumpt
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=$(dirname "$here")/.tools/bin

package_of() {
	case $1 in
	versitygw) echo github.com/versity/versitygw/cmd/versitygw ;;
	staticcheck) echo honnef.co/go/tools/cmd/staticcheck ;;
	gofumpt) echo mvdan.cc/gofumpt ;;
	*)
		echo "install.sh: no tool named \"$1\"; there are: versitygw, staticcheck, gofumpt" >&2
		return 1
		;;
	esac
}

[ $# -gt 0 ] || { echo "usage: tools/install.sh NAME... (versitygw, staticcheck, gofumpt)" >&2; exit 2; }
command -v go >/dev/null || { echo "install.sh: Go is not on the PATH; install it from https://go.dev/dl/" >&2; exit 1; }
cd "$here"
go=$(go env GOVERSION)

for name in "$@"; do
	package=$(package_of "$name") || exit 2
	version=$(GOFLAGS=-mod=readonly go list -f '{{.Module.Version}}' "$package")
	built=$(go version -m "$bin/$name" 2>/dev/null | awk 'NR == 1 {go = $NF} $1 == "mod" {print $3, go}' || true)
	[ "$built" != "$version $go" ] || continue

	echo "building $name $version into $bin (once; it can take a minute or two)" >&2
	mkdir -p "$bin"
	CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags='-s -w' -o "$bin/.$name.$$" "$package"
	mv -f "$bin/.$name.$$" "$bin/$name"
done
