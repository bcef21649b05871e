#!/bin/sh
# Finds or builds versitygw. The last line on stdout is its path; what it does is said on stderr.
# In this order: $VERSITYGW_BIN, `versitygw` on PATH, .cache/versitygw/<version>/, and else built there with Go.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=versitygw
variable=VERSITYGW_BIN
module=github.com/versity/versitygw/cmd/versitygw
version=v1.8.0
how_else='install Go 1.25 or newer, or versitygw 1.8'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"

[ $# -eq 0 ] || { say 'usage: scripts/versitygw.sh'; exit 2; }
find_or_build
