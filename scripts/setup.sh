#!/usr/bin/env bash
# Installs what building and testing need and this machine lacks. It says what
# it is going to do before it does it, takes packages from apt alone, and is
# done at once when nothing is missing.
#
#   scripts/setup.sh [desktop] [browser] [wayland] [plugins]
#
# desktop adds what the window is built with, browser what the tests of the
# page and of the window run in, plugins the compilers of the bundled plugins.
set -euo pipefail

# The oldest versions that work. Go fetches a newer toolchain for itself when
# go.mod asks for one, and has been able to since 1.21.
readonly min_go=1.21 min_node=20

have() { command -v "$1" >/dev/null 2>&1; }

# at_least A B: version B is A or newer.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# DuckDB's library is C++, so the linker needs the C++ runtime too. A compile
# is the only test of that which holds on every system.
links_cxx() {
	local compiler=${CXX:-c++}
	have "$compiler" && printf '#include <string>\nint main() { return std::string().size(); }\n' |
		"$compiler" -x c++ - -o /dev/null 2>/dev/null
}

# Without these certificates nothing can be fetched over https.
has_certificates() {
	[ "$(uname)" != Linux ] || [ -n "${SSL_CERT_FILE:-}${SSL_CERT_DIR:-}" ] || [ -e /etc/ssl/certs/ca-certificates.crt ] ||
		[ -e /etc/pki/tls/certs/ca-bundle.crt ] || [ -e /etc/ssl/cert.pem ] || [ -e /etc/ssl/ca-bundle.pem ]
}

wasm_clang() { have clang && clang --print-targets 2>/dev/null | grep -q wasm32; }

# Any rustc will do whose library for WebAssembly is there: that of rustup often
# lacks it beside one of the distribution that has it.
wasm_rustc() {
	local compiler
	for compiler in $(type -ap rustc) /usr/bin/rustc; do
		[ ! -x "$compiler" ] || [ ! -d "$("$compiler" --print sysroot 2>/dev/null)/lib/rustlib/wasm32-unknown-unknown" ] || return 0
	done
	return 1
}

packages=() # what apt is asked for
reasons=()  # why, a line each
manual=()   # what a person has to install

need() { # need PACKAGE REASON
	packages+=("$1")
	reasons+=("$1: $2")
}

have git || need git "the version of a build comes from it"
has_certificates || need ca-certificates "Go modules and npm packages come over https"
have "${CC:-cc}" || need gcc "DuckDB is linked into the program"
links_cxx || need g++ "DuckDB's library is C++"

for part in "$@"; do
	case $part in
	desktop)
		# macOS brings its own.
		[ "$(uname)" != Linux ] || (have pkg-config && pkg-config --exists webkit2gtk-4.1 gtk+-3.0) ||
			{ need pkg-config "the window's libraries are found by it" && need libwebkit2gtk-4.1-dev "the window shows the page with WebKit" && need libgtk-3-dev "the window is one of GTK"; }
		;;
	browser)
		have chromium || have chromium-browser || have google-chrome || [ -n "${CHROMIUM:-}" ] ||
			need chromium "the page is tested in it"
		[ "$(uname)" != Linux ] || have Xvfb || need xvfb "the window is tested without a display"
		[ "$(uname)" != Linux ] || have import || need imagemagick "the window's picture is looked at"
		;;
	wayland)
		[ "$(uname)" != Linux ] || have weston || need weston "the window is tested on Wayland"
		;;
	plugins)
		wasm_clang || need clang "bundled plugins are written in C"
		have wasm-ld || need lld "WebAssembly is linked by it"
		wasm_rustc || { need rustc "bundled plugins are written in Rust" && need libstd-rust-dev-wasm32 "its library for WebAssembly"; }
		;;
	*)
		echo "usage: scripts/setup.sh [desktop] [browser] [wayland] [plugins]" >&2
		exit 2
		;;
	esac
done

if ! have go; then
	manual+=("Go $min_go or newer: https://go.dev/dl/")
elif version=$(GOTOOLCHAIN=local go env GOVERSION) && ! at_least "$min_go" "${version#go}"; then
	manual+=("Go $min_go or newer (this is ${version#go}): https://go.dev/dl/")
fi
if ! have node; then
	manual+=("Node $min_node or newer: https://nodejs.org/")
elif version=$(node --version) && ! at_least "$min_node" "${version#v}"; then
	manual+=("Node $min_node or newer (this is ${version#v}): https://nodejs.org/")
elif ! have npm; then
	need npm "the compiler of the bundled plugins is an npm package"
fi

if [ ${#packages[@]} -gt 0 ] && ! have apt-get; then
	if [ "$(uname)" = Darwin ]; then
		manual+=("${reasons[@]}" "(xcode-select --install brings git and the compilers; npm comes with Node)")
	else
		manual+=("${reasons[@]}" "(by the package manager of this system: only apt is used from here)")
	fi
	packages=()
fi

if [ ${#manual[@]} -gt 0 ]; then
	echo "setup: this machine lacks what only you can install:" >&2
	printf '  %s\n' "${manual[@]}" >&2
	exit 1
fi
[ ${#packages[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	have sudo || {
		echo "setup: run this as root, or install sudo: apt-get install ${packages[*]}" >&2
		exit 1
	}
	as_root=(sudo)
fi

echo "setup: installing with apt:" >&2
printf '  %s\n' "${reasons[@]}" >&2
{
	"${as_root[@]+"${as_root[@]}"}" apt-get update -qq
	"${as_root[@]+"${as_root[@]}"}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
} >&2
