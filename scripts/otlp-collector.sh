#!/bin/sh
# Finds or builds a collector that prints what it takes (test/oracle/otlp: the OTLP receiver of OpenTelemetry's collector).
# The last line on stdout is its path; what it does is said on stderr.
# In this order: $OTLP_COLLECTOR_BIN, .cache/otlp-collector/<checksum of its source>/, and else built there with Go.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=otlp-collector
variable=OTLP_COLLECTOR_BIN
source=$root/test/oracle/otlp
how_else='install Go 1.26 or newer'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"

[ $# -eq 0 ] || { say 'usage: scripts/otlp-collector.sh'; exit 2; }
find_or_build
