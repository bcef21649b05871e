#!/bin/sh
# Finds or builds kustomize. The last line on stdout is its path; what it does is said on stderr.
# In this order: $KUSTOMIZE_BIN, `kustomize` on PATH, .cache/kustomize/<version>/, and else built there with Go.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=kustomize
variable=KUSTOMIZE_BIN
module=sigs.k8s.io/kustomize/kustomize/v5
version=v5.8.2
how_else='install Go 1.24 or newer, or kustomize 5.8'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"

[ $# -eq 0 ] || { say 'usage: scripts/kustomize.sh'; exit 2; }
find_or_build
