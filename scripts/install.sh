#!/bin/sh
# Checks the tools and installs the dependencies, unless they are installed already. Exit: 0 done, 1 not (the remedy is on stderr).
set -eu
cd -- "$(dirname -- "$0")/.."

fail() {
  printf 'error: %s\nremedy: %s\n' "$1" "$2" >&2
  exit 1
}

command -v node >/dev/null 2>&1 || fail 'there is no node on PATH' 'install Node.js 20.19 or newer'
command -v npm >/dev/null 2>&1 || fail 'there is no npm on PATH' 'install npm; it comes with Node.js'
node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
  process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' ||
  fail "Node.js $(node --version) is too old" 'install Node.js 20.19 or newer'

if node scripts/node-modules-current.mjs; then exit 0; fi

started=$(date +%s)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo '  … installing dependencies (npm ci)'
if ! npm ci --no-audit --no-fund >"$log" 2>&1; then
  cat "$log" >&2
  fail 'npm ci failed' 'the lines above say why; is the package registry within reach?'
fi
echo "✓ dependencies installed ($(($(date +%s) - started)) s)"
