#!/bin/sh
# Finds or installs a Redis server, for tests and for a local federation. The last line on stdout is its path; what
# it does is said on stderr. The same program is Redis Sentinel when it is started with --sentinel.
#
# In this order: $REDIS_SERVER_BIN, `redis-server` on PATH, the link in .cache/redis/, and else Debian's Redis: the
# program of the packages redis-server and redis-sentinel lies in the package redis-tools, which has no service.
# So nothing is started, now or at the next boot; .cache/redis/redis-server is a link to it.
#
# Environment: REDIS_SERVER_BIN, REDIS_CACHE_DIR (default .cache/redis).
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=scripts/lib/apt.sh
. "$root/scripts/lib/apt.sh"
cache_dir=${REDIS_CACHE_DIR:-$root/.cache/redis}
# Where redis-tools keeps the program; it is Redis, Sentinel or the checker by the name under which it is started.
debian_program=/usr/bin/redis-check-rdb

say() { printf 'redis.sh: %s\n' "$*" >&2; }

fail() {
  say "$1"
  say 'install Redis 6.2 or newer, or set REDIS_SERVER_BIN=/path/to/redis-server'
  exit 1
}

version_of() {
  "$1" --version 2>/dev/null | sed -n 's/.* v=\([0-9][0-9]*\.[0-9][0-9]*\)\..*/\1/p'
}

use() {
  version=$(version_of "$1")
  [ -n "$version" ] || fail "$1 does not run, or is no redis-server"
  major=${version%%.*}
  minor=${version#*.}
  if [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 2 ]; }; then
    fail "$1 is Redis $version, and 6.2 or newer is needed"
  fi
  say "using $2, Redis $version: $1"
  printf '%s\n' "$1"
  exit 0
}

[ $# -eq 0 ] || { say 'usage: scripts/redis.sh'; exit 2; }

if [ -n "${REDIS_SERVER_BIN:-}" ]; then
  [ -f "$REDIS_SERVER_BIN" ] && [ -x "$REDIS_SERVER_BIN" ] ||
    fail "REDIS_SERVER_BIN=$REDIS_SERVER_BIN is not an executable file"
  use "$REDIS_SERVER_BIN" REDIS_SERVER_BIN
fi
if on_path=$(command -v redis-server); then use "$on_path" 'redis-server on PATH'; fi

link() {
  mkdir -p "$cache_dir" || fail "cannot write to $cache_dir: set REDIS_CACHE_DIR to a folder of yours"
  ln -sf "$debian_program" "$cache_dir/.redis-server.$$" &&
    mv -f "$cache_dir/.redis-server.$$" "$cache_dir/redis-server"
  use "$cache_dir/redis-server" "Debian's redis-tools"
}

if [ -x "$debian_program" ]; then link; fi
install_package redis-tools 'redis-server on PATH' '3 MB'
[ -x "$debian_program" ] || fail "the package redis-tools was installed, and has no $debian_program"
link
