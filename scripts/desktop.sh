#!/usr/bin/env bash
# Says whether the window is built, too: yes where it can be (its
# libraries are there) or is wanted (there is a display, or DESKTOP=1), no
# elsewhere and with DESKTOP=0.
#
#   scripts/desktop.sh        prints 1 or 0
set -euo pipefail

case ${DESKTOP:-} in
0 | 1)
	echo "$DESKTOP"
	exit
	;;
esac
if [ "$(uname)" = Darwin ] || [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] ||
	{ command -v pkg-config >/dev/null 2>&1 && pkg-config --exists webkit2gtk-4.1 gtk+-3.0; }; then
	echo 1
else
	echo 0
fi
