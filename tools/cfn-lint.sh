#!/usr/bin/env bash
# Installs cfn-lint from PyPI into .tools/cfn-lint, for the test that holds
# exported templates against it.
#
#   tools/cfn-lint.sh
set -euo pipefail
cd "$(dirname "$0")/.."

readonly version=1.51.0 dir=.tools/cfn-lint

if [ -x "$dir/bin/cfn-lint" ] && [ "$("$dir/bin/cfn-lint" --version)" = "cfn-lint $version" ]; then
	exit 0
fi
echo "installing cfn-lint $version from PyPI into $dir" >&2
rm -rf "$dir"
python3 -m venv "$dir"
"$dir/bin/python" -m pip install -q --disable-pip-version-check "cfn-lint==$version"
