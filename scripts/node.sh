#!/bin/sh
# Finds or installs a Node of exactly one version, as an ordinary package. The last line on stdout is its path;
# what it does is said on stderr. It goes to .cache/node-<version>/ and is checked by npm against its integrity.
#
#   scripts/node.sh 24.21.0
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

say() { printf 'node.sh: %s\n' "$*" >&2; }

case ${1:-} in
  [1-9]*.*.*) ;;
  *) say 'usage: scripts/node.sh MAJOR.MINOR.PATCH'; exit 2 ;;
esac
version=$1
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) platform=linux-x64 ;;
  Linux-aarch64) platform=linux-arm64 ;;
  Darwin-arm64) platform=darwin-arm64 ;;
  *) say "no Node package is known for $(uname -s) on $(uname -m)"; exit 1 ;;
esac
folder=$root/.cache/node-$version
node=$folder/node_modules/node-$platform/bin/node
if [ ! -x "$node" ]; then
  say "fetching Node $version as a package into $folder"
  mkdir -p "$folder"
  npm install --prefix "$folder" --no-save --no-audit --no-fund --loglevel=error "node-$platform@$version" >&2 || {
    say "Node $version cannot be had here: no network, or no such version"
    exit 1
  }
fi
say "using Node $version: $node"
printf '%s\n' "$node"
