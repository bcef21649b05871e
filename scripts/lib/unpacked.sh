# Sourced by the scripts that take one program out of a Debian package, so that nothing is installed and no service
# starts; those set name, variable, package and program (its path in the package). The path of the repository is in root.
# shellcheck shell=sh disable=SC2154

say() { printf '%s.sh: %s\n' "$name" "$*" >&2; }

fail() {
  say "$1"
  say "install $name, or set $variable=/path/to/it"
  exit 1
}

use() {
  say "using $2: $1"
  printf '%s\n' "$1"
  exit 0
}

find_or_unpack() {
  eval "given=\${$variable:-}"
  if [ -n "$given" ]; then
    [ -f "$given" ] && [ -x "$given" ] || fail "$variable=$given is not an executable file"
    use "$given" "$variable"
  fi
  if on_path=$(command -v "$name"); then use "$on_path" "$name on PATH"; fi
  folder=$root/.cache/debian/$package
  [ -x "$folder/$program" ] || unpack
  use "$folder/$program" "Debian's $package"
}

# What is unpacked moves into its place whole, for every program of the package: two that do so at once do not disturb each other.
unpack() {
  command -v apt-get >/dev/null 2>&1 || fail "there is no $name on PATH, and no apt-get to fetch one with"
  mkdir -p "$root/.cache/debian" || fail "cannot write to $root/.cache/debian"
  work=$(mktemp -d "$root/.cache/debian/.unpack.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM
  say "fetching the package $package"
  (cd "$work" && { apt-get download -qq "$package" || { apt-get update -qq && apt-get download -qq "$package"; }; } >&2) ||
    fail "apt-get could not fetch the package $package"
  dpkg-deb --extract "$work"/*.deb "$work/tree" || fail "the package $package cannot be taken apart"
  mv -T "$work/tree" "$folder" 2>/dev/null || [ -e "$folder/$program" ] || fail "$folder is in the way: remove it"
}
