#!/bin/sh
# Prints the bill of materials (CycloneDX, JSON) of what runs: the production packages of the lock file, as they
# are in the image for this platform, and the crates of the optional engine. What it does is said on stderr.
#
#   scripts/sbom.sh > dist/countersign.cdx.json
# Exit: 0 printed, 1 not, 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

say() { printf 'sbom.sh: %s\n' "$*" >&2; }

[ $# -eq 0 ] || { say 'usage: scripts/sbom.sh'; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# npm takes the name of the bill from the folder.
mkdir "$work/countersign"
cp "$root/package.json" "$root/package-lock.json" "$work/countersign"
cd "$work/countersign"
say 'installing the production packages into a folder of their own'
npm ci --omit=dev --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error >&2
# Given both kinds, `npm sbom --omit dev` leaves out whatever a development package needs too (seen: commander).
npm pkg delete devDependencies >&2
rm package-lock.json
npm sbom --sbom-format cyclonedx --sbom-type application > packages.json
node "$root/scripts/sbom-crates.mjs" packages.json "$root/native/Cargo.lock"
