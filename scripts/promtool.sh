#!/bin/sh
# Finds or installs promtool, which judges rules and metrics of Prometheus. The last line on stdout is its path; what it does is
# said on stderr. In this order: $PROMTOOL_BIN, `promtool` on PATH, and else Debian's package, taken apart in .cache/debian/prometheus/, so that no
# service is started.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=promtool
variable=PROMTOOL_BIN
package=prometheus
program=usr/bin/promtool
# shellcheck source=scripts/lib/unpacked.sh
. "$root/scripts/lib/unpacked.sh"

[ $# -eq 0 ] || { say 'usage: scripts/promtool.sh'; exit 2; }
find_or_unpack
