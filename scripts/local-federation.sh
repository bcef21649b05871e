#!/bin/sh
# scripts/local-federation.sh up|down|smoke: installs and builds what is needed, then runs the federation's program.
# The switches (PORT, UPSTREAM, STATE_DIR, ...) are environment variables; the program reads and checks them.
set -eu
cd -- "$(dirname -- "$0")/.."

scripts/install.sh
started=$(date +%s)
[ -d dist ] || echo '  … building'
npm run -s build || {
  printf 'error: the build failed\nremedy: the lines above say where\n' >&2
  exit 1
}
echo "✓ built ($(($(date +%s) - started)) s)"
exec node dist/examples/local-federation/main.js "$@"
