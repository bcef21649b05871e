#!/bin/sh
# Finds or installs a Chromium. The last line on stdout is its path; what it does is said on stderr.
# In this order: $CHROMIUM_BIN, what is on PATH, and else Debian's package `chromium` (needs apt-get and root).
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=scripts/lib/apt.sh
. "$root/scripts/lib/apt.sh"

say() { printf 'chromium.sh: %s\n' "$*" >&2; }

fail() {
  say "$1"
  say 'install Chromium or Chrome, or set CHROMIUM_BIN=/path/to/it'
  exit 1
}

use() {
  say "using $2: $1"
  printf '%s\n' "$1"
  exit 0
}

[ $# -eq 0 ] || { say 'usage: scripts/chromium.sh'; exit 2; }

if [ -n "${CHROMIUM_BIN:-}" ]; then
  [ -f "$CHROMIUM_BIN" ] && [ -x "$CHROMIUM_BIN" ] || fail "CHROMIUM_BIN=$CHROMIUM_BIN is not an executable file"
  use "$CHROMIUM_BIN" CHROMIUM_BIN
fi

use_from_path() {
  for name in chromium chromium-browser google-chrome-stable google-chrome; do
    if on_path=$(command -v "$name"); then use "$on_path" "$name on PATH"; fi
  done
}

use_from_path
install_package chromium 'Chromium on PATH' 'about 100 MB'
use_from_path
fail 'the package chromium was installed, and is not on PATH'
