#!/bin/sh
# Finds or builds istioctl. The last line on stdout is its path; what it does is said on stderr.
# In this order: $ISTIOCTL_BIN, `istioctl` on PATH, .cache/istioctl/<version>/, and else built there with Go (some five minutes).
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=istioctl
variable=ISTIOCTL_BIN
module=istio.io/istio/istioctl/cmd/istioctl
version=v0.0.0-20260827124520-eed52ebb66ad
how_else='install Go 1.26 or newer, or istioctl 1.31'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"

[ $# -eq 0 ] || { say 'usage: scripts/istioctl.sh'; exit 2; }
find_or_build
