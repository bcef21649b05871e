#!/bin/sh
# Finds or builds a Vault that is its Transit engine alone (test/oracle/vault), for tests: nothing of it is shipped.
# The last line on stdout is its path; what it does is said on stderr.
# In this order: $VAULT_TRANSIT_BIN, .cache/vault-transit/<checksum of its source>/, and else built there with Go.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=vault-transit
variable=VAULT_TRANSIT_BIN
source=$root/test/oracle/vault
how_else='install Go 1.26 or newer'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"

[ $# -eq 0 ] || { say 'usage: scripts/vault-transit.sh'; exit 2; }
find_or_build
