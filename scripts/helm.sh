#!/bin/sh
# Finds or builds helm. The last line on stdout is its path; what it does is said on stderr.
# In this order: $HELM_BIN, `helm` on PATH, .cache/helm/<version>/, and else built there with Go (some minutes).
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=helm
variable=HELM_BIN
module=helm.sh/helm/v4/cmd/helm
version=v4.3.2
how_else='install Go 1.26 or newer, or Helm 4'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"

[ $# -eq 0 ] || { say 'usage: scripts/helm.sh'; exit 2; }
find_or_build
