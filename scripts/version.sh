#!/usr/bin/env bash
# Prints what the build of this tree calls itself: the tag, or the commit, and
# for a tree with changes a hash of them, so that no two different programs
# have the same version. Without git it prints nothing, and the program tells
# itself apart by its own bytes.
set -euo pipefail
cd "$(dirname "$0")/.."

# A checkout inside somebody else's repository is not that repository.
[ "$(git rev-parse --show-cdup 2>/dev/null || echo no)" = "" ] || exit 0
version=$(git describe --tags --match 'v[0-9]*' 2>/dev/null || git describe --always 2>/dev/null) || exit 0
case $version in
v[0-9]*) ;;
*) version=devel-$version ;;
esac

if [ -n "$(git status --porcelain)" ]; then
	changes=$({
		git diff HEAD
		git ls-files --others --exclude-standard -z | xargs -0 cat -- 2>/dev/null || true
	} | git hash-object --stdin)
	version=$version+${changes:0:10}
fi
echo "$version"
