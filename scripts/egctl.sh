#!/bin/sh
# Finds or builds egctl. The last line on stdout is its path; what it does is said on stderr.
# In this order: $EGCTL_BIN, `egctl` on PATH, .cache/egctl/<version>/, and else built there with Go (some five minutes).
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=egctl
variable=EGCTL_BIN
module=github.com/envoyproxy/gateway/cmd/egctl
version=v1.9.1
how_else='install Go 1.26 or newer, or egctl 1.9'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"

[ $# -eq 0 ] || { say 'usage: scripts/egctl.sh'; exit 2; }
find_or_build
