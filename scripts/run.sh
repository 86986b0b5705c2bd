#!/usr/bin/env bash
# Writes the sample workspace, pulls it, shows what it holds, and opens the
# workbench on it: in its window, or where there is none for a browser.
# What is there already is not made again.
#
#   scripts/run.sh DIR
set -euo pipefail
cd "$(dirname "$0")/.."
demo=${1:?usage: run.sh DIR}

step() { printf '\n$ %s\n' "$*" >&2; "$@"; }

[ -e "$demo/tidemark.yaml" ] || step bin/tidemark demo "$demo"
step bin/tidemark -w "$demo" pull
step bin/tidemark -w "$demo" rules backtest checkout_error_rate

cat >&2 <<END

That is the incident of the sample week. The workbench opens on it now; in
another terminal you can go on with
  bin/tidemark -w $demo query "from app_logs select service, count(*) as records group by service"
  bin/tidemark -w $demo notebook run notebooks/incident.md -o incident.html
  bin/tidemark --help
README.md walks through them; rm -r $demo begins anew.
END
if [ -x bin/tidemark-window ] && { [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || [ "$(uname)" = Darwin ]; }; then
	step bin/tidemark -w "$demo" app
else
	step bin/tidemark -w "$demo" serve
fi
