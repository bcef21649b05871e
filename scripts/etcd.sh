#!/bin/sh
# Finds or installs etcd, where kube-apiserver keeps its objects. The last line on stdout is its path; what it does is
# said on stderr. In this order: $ETCD_BIN, `etcd` on PATH, and else Debian's package, taken apart in .cache/debian/etcd-server/, so that no
# service is started.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=etcd
variable=ETCD_BIN
package=etcd-server
program=usr/bin/etcd
# shellcheck source=scripts/lib/unpacked.sh
. "$root/scripts/lib/unpacked.sh"

[ $# -eq 0 ] || { say 'usage: scripts/etcd.sh'; exit 2; }
find_or_unpack
