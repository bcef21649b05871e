#!/bin/sh
# Finds or builds kubeconform. The last line on stdout is its path; what it does is said on stderr.
# In this order: $KUBECONFORM_BIN, `kubeconform` on PATH, .cache/kubeconform/<version>/, and else built there with Go.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=kubeconform
variable=KUBECONFORM_BIN
module=github.com/yannh/kubeconform/cmd/kubeconform
version=v0.8.0
how_else='install Go 1.24 or newer, or kubeconform 0.8'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"

[ $# -eq 0 ] || { say 'usage: scripts/kubeconform.sh'; exit 2; }
find_or_build
