#!/bin/sh
# Finds or builds OPA's evaluator behind a bare ext_authz server (test/bench/opa/server), which stands in for OPA-Envoy in
# `make bench` where that cannot be had. The last line on stdout is its path; what it does is said on stderr.
# In this order: $OPA_EVALUATOR_BIN, .cache/opa-evaluator/<checksum of its source>/, and else built there with Go.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=opa-evaluator
variable=OPA_EVALUATOR_BIN
source=$root/test/bench/opa/server
how_else='install Go 1.26 or newer'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"

[ $# -eq 0 ] || { say 'usage: scripts/opa-evaluator.sh'; exit 2; }
find_or_build
