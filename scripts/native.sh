#!/bin/sh
# Builds the optional engine of verification (native/, docs/adr/0046-native-engine.md) with Cargo, where it is not built
# yet or its sources have changed, and lays it where the verifier looks for it. The last line on stdout is its path; what
# it does is said on stderr. Nothing needs it: without it sodium-native verifies.
# Exit: 0 it is there, 1 it cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

say() { printf 'native.sh: %s\n' "$*" >&2; }

fail() {
  say "$1"
  say 'install Rust 1.89 or newer and a C linker, or do without: sodium-native verifies then'
  exit 1
}

[ $# -eq 0 ] || { say 'usage: scripts/native.sh'; exit 2; }

cd "$root/native"
version=$(cat Cargo.toml Cargo.lock build.rs .cargo/config.toml src/*.rs | cksum | cut -d ' ' -f 1)
built=$root/.cache/native/$version/countersign.node
laid=$root/native/countersign.node

if [ ! -f "$built" ]; then
  command -v cargo >/dev/null 2>&1 || fail 'there is no Cargo to build it with'
  say "building it with $(cargo --version) into .cache/native"
  # Whatever else the machine's Cargo is set to, these are our flags: native/.cargo/config.toml.
  env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET \
    cargo build --release --locked --target-dir "$root/.cache/native/target" >&2 ||
    fail 'Cargo could not build it (no network, or a Rust that is too old for it)'
  mkdir -p "${built%/*}"
  for library in "$root"/.cache/native/target/release/libcountersign_native.*; do
    case $library in *.so | *.dylib) cp "$library" "$built.$$" ;; esac
  done
  mv -f "$built.$$" "$built"
fi
# Whole or not at all: a process may load it meanwhile, and one that has loaded it keeps what it has.
if ! cmp -s "$built" "$laid"; then
  cp "$built" "$laid.$$"
  mv -f "$laid.$$" "$laid"
fi
say "using $laid"
printf '%s\n' "$laid"
