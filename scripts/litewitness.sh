#!/bin/sh
# Finds or builds litewitness, a witness of transparency logs. The last line on stdout is its path; what it does is said
# on stderr. In this order: $LITEWITNESS_BIN, `litewitness` on PATH, .cache/litewitness/<version>/, and else built there
# with Go. It has its key in an ssh-agent: that of Debian's openssh-client is installed where there is none.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=litewitness
variable=LITEWITNESS_BIN
module=filippo.io/torchwood/cmd/litewitness
version=v0.6.1
how_else='install Go 1.24 or newer, or litewitness 0.6, and OpenSSH'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"
# shellcheck source=scripts/lib/apt.sh
. "$root/scripts/lib/apt.sh"

[ $# -eq 0 ] || { say 'usage: scripts/litewitness.sh'; exit 2; }
command -v ssh-agent >/dev/null 2>&1 || install_package openssh-client ssh-agent
find_or_build
