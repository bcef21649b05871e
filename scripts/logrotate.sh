#!/bin/sh
# Finds or installs logrotate, which moves the records away under a running verifier in a test. The last line on stdout
# is its path; what it does is said on stderr.
# In this order: $LOGROTATE_BIN, `logrotate` on PATH or where distributions put it, and else Debian's package
# `logrotate` (needs apt-get and root).
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=scripts/lib/apt.sh
. "$root/scripts/lib/apt.sh"

say() { printf 'logrotate.sh: %s\n' "$*" >&2; }

fail() {
  say "$1"
  say 'install logrotate, or set LOGROTATE_BIN=/path/to/logrotate'
  exit 1
}

use() {
  say "using $1"
  printf '%s\n' "$1"
  exit 0
}

find_program() {
  if on_path=$(command -v logrotate); then use "$on_path"; fi
  for file in /usr/sbin/logrotate /usr/local/sbin/logrotate; do
    if [ -x "$file" ]; then use "$file"; fi
  done
}

[ $# -eq 0 ] || { say 'usage: scripts/logrotate.sh'; exit 2; }

if [ -n "${LOGROTATE_BIN:-}" ]; then
  [ -f "$LOGROTATE_BIN" ] && [ -x "$LOGROTATE_BIN" ] ||
    fail "LOGROTATE_BIN=$LOGROTATE_BIN is not an executable file"
  use "$LOGROTATE_BIN"
fi
find_program
install_package logrotate logrotate
find_program
fail 'the package logrotate was installed, and the program is not where it is expected'
