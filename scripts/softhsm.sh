#!/bin/sh
# Finds or installs SoftHSM 2, a PKCS#11 token in files, for tests. The last line on stdout is the path of its module;
# what it does is said on stderr. In this order: $SOFTHSM2_MODULE, where distributions put it, and else Debian's package,
# taken apart in .cache/debian/libsofthsm2/, so that no token and no configuration of this machine is touched.
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# Read by unpacked.sh.
# shellcheck disable=SC2034
name=softhsm
variable=SOFTHSM2_MODULE
package=libsofthsm2
# shellcheck source=scripts/lib/unpacked.sh
. "$root/scripts/lib/unpacked.sh"

find_module() {
  for file in /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so /usr/lib/softhsm/libsofthsm2.so \
    /usr/local/lib/softhsm/libsofthsm2.so /opt/homebrew/lib/softhsm/libsofthsm2.so \
    "$root"/.cache/debian/$package/usr/lib/*/softhsm/libsofthsm2.so; do
    if [ -f "$file" ]; then use "$file" "$name"; fi
  done
}

[ $# -eq 0 ] || { say 'usage: scripts/softhsm.sh'; exit 2; }
if [ -n "${SOFTHSM2_MODULE:-}" ]; then
  [ -f "$SOFTHSM2_MODULE" ] || fail "$variable=$SOFTHSM2_MODULE is no file"
  use "$SOFTHSM2_MODULE" "$variable"
fi
find_module
folder=$root/.cache/debian/$package
program=usr/lib/softhsm/libsofthsm2.so
unpack
find_module
fail "the package $package was taken apart, and its module is not where it is expected"
