#!/bin/sh
# Finds or installs kubectl. The last line on stdout is its path; what it does is
# said on stderr. In this order: $KUBECTL_BIN, `kubectl` on PATH, and else Debian's package, taken apart in .cache/debian/kubernetes-client/, so that no
# service is started.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=kubectl
variable=KUBECTL_BIN
package=kubernetes-client
program=usr/bin/kubectl
# shellcheck source=scripts/lib/unpacked.sh
. "$root/scripts/lib/unpacked.sh"

[ $# -eq 0 ] || { say 'usage: scripts/kubectl.sh'; exit 2; }
find_or_unpack
