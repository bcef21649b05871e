#!/bin/sh
# Finds or installs libfaketime, which moves the wall clock of one process for a test. The last line on stdout is the
# path of the library, for LD_PRELOAD; what it does is said on stderr.
# In this order: $LIBFAKETIME, where distributions put it, and else Debian's package `libfaketime` (needs apt-get and root).
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=scripts/lib/apt.sh
. "$root/scripts/lib/apt.sh"

say() { printf 'faketime.sh: %s\n' "$*" >&2; }

fail() {
  say "$1"
  say 'install libfaketime, or set LIBFAKETIME=/path/to/libfaketime.so.1'
  exit 1
}

use() {
  say "using $1"
  printf '%s\n' "$1"
  exit 0
}

find_library() {
  for file in /usr/lib/*/faketime/libfaketime.so.1 /usr/lib64/faketime/libfaketime.so.1 \
    /usr/lib/faketime/libfaketime.so.1 /usr/local/lib/faketime/libfaketime.so.1; do
    if [ -f "$file" ]; then use "$file"; fi
  done
}

[ $# -eq 0 ] || { say 'usage: scripts/faketime.sh'; exit 2; }

if [ -n "${LIBFAKETIME:-}" ]; then
  [ -f "$LIBFAKETIME" ] || fail "LIBFAKETIME=$LIBFAKETIME is no file"
  use "$LIBFAKETIME"
fi
find_library
install_package libfaketime libfaketime
find_library
fail 'the package libfaketime was installed, and its library is not where it is expected'
