#!/bin/sh
# Finds or builds a collector that prints what it takes (test/oracle/otlp: the OTLP receiver of OpenTelemetry's collector).
# The last line on stdout is its path; what it does is said on stderr.
# In this order: $OTLP_COLLECTOR_BIN, .cache/otlp-collector/<checksum of its source>/, and else built there with Go.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
source=$root/test/oracle/otlp

say() { printf 'otlp-collector.sh: %s\n' "$*" >&2; }

fail() {
  say "$1"
  say 'install Go 1.26 or newer, or set OTLP_COLLECTOR_BIN=/path/to/it'
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
    go build -buildvcs=false -trimpath -ldflags '-s -w' -o "$work/otlp-collector" . >&2) ||
    fail 'Go could not build it (no network, or a Go that is too old for it)'
  mv -f "$work/otlp-collector" "$folder/otlp-collector"
}

[ $# -eq 0 ] || { say 'usage: scripts/otlp-collector.sh'; exit 2; }
if [ -n "${OTLP_COLLECTOR_BIN:-}" ]; then
  [ -f "$OTLP_COLLECTOR_BIN" ] && [ -x "$OTLP_COLLECTOR_BIN" ] || fail "OTLP_COLLECTOR_BIN=$OTLP_COLLECTOR_BIN is not an executable file"
  use "$OTLP_COLLECTOR_BIN"
fi
folder=$root/.cache/otlp-collector/$(cat "$source/main.go" "$source/go.mod" "$source/go.sum" | cksum | cut -d ' ' -f 1)
[ -x "$folder/otlp-collector" ] || build
use "$folder/otlp-collector"
