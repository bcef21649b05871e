#!/bin/sh
# Finds or builds the judge of logs (test/oracle/log: Tessera's fsck, golang.org/x/mod and torchwood behind one command).
# The last line on stdout is its path; what it does is said on stderr.
# In this order: $LOG_ORACLE_BIN, .cache/log-oracle/<checksum of its source>/, and else built there with Go.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
source=$root/test/oracle/log

say() { printf 'log-oracle.sh: %s\n' "$*" >&2; }

fail() {
  say "$1"
  say 'install Go 1.24 or newer, or set LOG_ORACLE_BIN=/path/to/it'
  exit 1
}

use() {
  say "using $1"
  printf '%s\n' "$1"
  exit 0
}

# What is built moves into its place whole: two that build at once do not disturb each other.
build() {
  command -v go >/dev/null 2>&1 || fail 'there is no Go to build it with'
  mkdir -p "$folder" || fail "cannot write to $folder"
  work=$(mktemp -d "$folder/.build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM
  say "building it with $(go env GOVERSION) into $folder"
  (cd "$source" && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly GOCACHE="$root/.cache/go-build" \
    go build -buildvcs=false -trimpath -ldflags '-s -w' -o "$work/log-oracle" . >&2) ||
    fail 'Go could not build it (no network, or a Go that is too old for it)'
  mv -f "$work/log-oracle" "$folder/log-oracle"
}

[ $# -eq 0 ] || { say 'usage: scripts/log-oracle.sh'; exit 2; }
if [ -n "${LOG_ORACLE_BIN:-}" ]; then
  [ -f "$LOG_ORACLE_BIN" ] && [ -x "$LOG_ORACLE_BIN" ] || fail "LOG_ORACLE_BIN=$LOG_ORACLE_BIN is not an executable file"
  use "$LOG_ORACLE_BIN"
fi
folder=$root/.cache/log-oracle/$(cat "$source/main.go" "$source/go.mod" "$source/go.sum" | cksum | cut -d ' ' -f 1)
[ -x "$folder/log-oracle" ] || build
use "$folder/log-oracle"
