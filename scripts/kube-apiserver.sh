#!/bin/sh
# Finds or builds kube-apiserver 1.36 (test/cluster/kube-apiserver: Kubernetes' own, from its module). The last line on
# stdout is its path; what it does is said on stderr. It keeps its objects in etcd: scripts/etcd.sh.
# In this order: $KUBE_APISERVER_BIN, .cache/kube-apiserver/<checksum of its source>/, and else built there with Go (some
# five minutes).
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=kube-apiserver
variable=KUBE_APISERVER_BIN
source=$root/test/cluster/kube-apiserver
how_else='install Go 1.26 or newer'
# Without a version of its own it takes itself for 0.0.0, and knows no feature of today.
link_flags='-X k8s.io/component-base/version.gitVersion=v1.36.3 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"

[ $# -eq 0 ] || { say 'usage: scripts/kube-apiserver.sh'; exit 2; }
find_or_build
