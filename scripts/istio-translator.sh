#!/bin/sh
# Finds or builds what shows the configuration that Istio would send a gateway (test/cluster/istio-translator: istiod's own
# code, from its module, of the version of scripts/istioctl.sh). The last line on stdout is its path; what it does is said on stderr.
# In this order: $ISTIO_TRANSLATOR_BIN, .cache/istio-translator/<checksum of its source>/, and else built there with Go
# (some five minutes).
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=istio-translator
variable=ISTIO_TRANSLATOR_BIN
source=$root/test/cluster/istio-translator
how_else='install Go 1.26 or newer'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"

[ $# -eq 0 ] || { say 'usage: scripts/istio-translator.sh'; exit 2; }
find_or_build
