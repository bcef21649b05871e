#!/bin/sh
# Finds or builds the judge of logs (test/oracle/log: Tessera's fsck, golang.org/x/mod and torchwood behind one command).
# The last line on stdout is its path; what it does is said on stderr.
# In this order: $LOG_ORACLE_BIN, .cache/log-oracle/<checksum of its source>/, and else built there with Go.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=log-oracle
variable=LOG_ORACLE_BIN
source=$root/test/oracle/log
how_else='install Go 1.24 or newer'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"

[ $# -eq 0 ] || { say 'usage: scripts/log-oracle.sh'; exit 2; }
find_or_build
