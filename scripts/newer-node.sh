#!/usr/bin/env bash
# Runs the suites that need no Envoy on a newer Node, taken from the package registry as an ordinary package.
# Usage: scripts/newer-node.sh [MAJOR ...]   (default: 24)
# Ends well, saying so, when the registry does not have that version for this machine.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- 24
for major in "$@"; do
  folder=".cache/node-$major"
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) platform=linux-x64 ;;
    Linux-aarch64) platform=linux-arm64 ;;
    Darwin-arm64) platform=darwin-arm64 ;;
    *) echo "no Node package is known for this machine: its tests did not run" >&2; exit 0 ;;
  esac
  node="$folder/node_modules/node-$platform/bin/node"
  if [ ! -x "$node" ]; then
    echo "fetching Node $major as a package into $folder" >&2
    mkdir -p "$folder"
    if ! npm install --prefix "$folder" --no-save --no-audit --no-fund --loglevel=error "node-$platform@$major" >&2; then
      echo "Node $major cannot be had here: its tests did not run" >&2
      continue
    fi
  fi
  echo "== on $("$node" --version)"
  "$node" --experimental-vm-modules node_modules/jest/bin/jest.js \
    test/unit/crypto test/unit/json test/unit/verify test/unit/nonces test/unit/grpc test/unit/envoy \
    test/unit/feedback test/unit/client test/property/decision test/property/crypto test/property/feedback-verify
done
