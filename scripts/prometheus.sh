#!/bin/sh
# Finds or installs Prometheus, which scrapes and answers queries in tests. The last line on stdout is its path; what it does is
# said on stderr. In this order: $PROMETHEUS_BIN, `prometheus` on PATH, and else Debian's package, taken apart in .cache/debian/prometheus/, so that no
# service is started.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=prometheus
variable=PROMETHEUS_BIN
package=prometheus
program=usr/bin/prometheus
# shellcheck source=scripts/lib/unpacked.sh
. "$root/scripts/lib/unpacked.sh"

[ $# -eq 0 ] || { say 'usage: scripts/prometheus.sh'; exit 2; }
find_or_unpack
